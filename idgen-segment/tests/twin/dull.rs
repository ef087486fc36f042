//! The twin: one mutex, lists of ids, nothing clever.

use std::collections::VecDeque;
use std::sync::Mutex;

use idgen_core::Refusal;

#[derive(Default)]
struct Inside {
    generation: u64,
    active: VecDeque<u64>,
    standby: Option<VecDeque<u64>>,
    highest: Option<u64>,
    retired: bool,
    gaps: u64,
}

#[derive(Default)]
pub(crate) struct DullCursor(Mutex<Inside>);

impl Inside {
    /// Errors as a cursor does that has no id at hand; turns if that helps.
    fn ready(&mut self) -> Result<(), Refusal> {
        if self.retired {
            return Err(Refusal::Ended);
        }
        if self.active.is_empty() {
            self.turn()?;
        }
        Ok(())
    }

    /// Answers what was skipped.
    fn turn(&mut self) -> Result<Vec<u64>, Refusal> {
        let standby = self.standby.take().ok_or(Refusal::Exhausted)?;
        self.generation += 1;
        Ok(std::mem::replace(&mut self.active, standby).into())
    }

    fn pop(&mut self, max: u64) -> Vec<u64> {
        let n = self.active.len().min(usize::try_from(max).unwrap());
        self.active.drain(..n).collect()
    }
}

impl DullCursor {
    pub(crate) fn take(&self, max: u64) -> Result<Vec<u64>, Refusal> {
        let mut inside = self.0.lock().unwrap();
        inside.ready()?;
        Ok(inside.pop(max))
    }

    pub(crate) fn fill(&self, len: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < len {
            let Ok(more) = self.take((len - ids.len()) as u64) else { break };
            ids.extend(more);
        }
        ids
    }

    pub(crate) fn take_exact(&self, n: u64) -> Result<(Vec<u64>, Vec<u64>), Refusal> {
        let mut inside = self.0.lock().unwrap();
        if inside.retired {
            return Err(Refusal::Ended);
        }
        if inside.active.len() as u64 >= n {
            return Ok((inside.pop(n), Vec::new()));
        }
        let skipped = inside.turn()?;
        if inside.active.len() as u64 >= n {
            return Ok((inside.pop(n), skipped));
        }
        inside.gaps += skipped.len() as u64;
        Err(Refusal::Exhausted)
    }

    pub(crate) fn supply(&self, ids: Vec<u64>) -> bool {
        let mut inside = self.0.lock().unwrap();
        if inside.highest.is_some_and(|highest| ids[0] <= highest) {
            return false;
        }
        inside.highest = ids.last().copied();
        inside.standby = Some(ids.into());
        true
    }

    pub(crate) fn retire(&self) -> Option<(Vec<u64>, Vec<u64>)> {
        let mut inside = self.0.lock().unwrap();
        if std::mem::replace(&mut inside.retired, true) {
            return None;
        }
        let tail = inside.active.drain(..).collect();
        Some((tail, inside.standby.iter().flatten().copied().collect()))
    }

    pub(crate) fn remaining(&self) -> u64 {
        let inside = self.0.lock().unwrap();
        if inside.retired {
            return 0;
        }
        (inside.active.len() + inside.standby.as_ref().map_or(0, VecDeque::len)) as u64
    }

    pub(crate) fn needs_refill(&self) -> bool {
        let inside = self.0.lock().unwrap();
        inside.standby.is_none() && !inside.retired
    }

    pub(crate) fn highest(&self) -> Option<u64> {
        self.0.lock().unwrap().highest
    }

    pub(crate) fn gaps(&self) -> u64 {
        self.0.lock().unwrap().gaps
    }

    pub(crate) fn count_gap(&self, n: u64) {
        self.0.lock().unwrap().gaps += n;
    }
}

pub(crate) struct DullHandle<'a> {
    cursor: &'a DullCursor,
    block: u64,
    generation: u64,
    /// How many ids the segment had left behind the block.
    behind: usize,
    rest: VecDeque<u64>,
}

impl<'a> DullHandle<'a> {
    pub(crate) fn new(cursor: &'a DullCursor, block: u64) -> Self {
        Self { cursor, block, generation: 0, behind: 0, rest: VecDeque::new() }
    }

    pub(crate) fn take_of_block(&mut self, max: u64) -> Result<Vec<u64>, Refusal> {
        if self.rest.is_empty() {
            self.rest = self.cursor.take(self.block)?.into();
            let inside = self.cursor.0.lock().unwrap();
            (self.generation, self.behind) = (inside.generation, inside.active.len());
        }
        let n = self.rest.len().min(usize::try_from(max).unwrap());
        Ok(self.rest.drain(..n).collect())
    }

    pub(crate) fn take(&mut self, max: u64) -> Result<Vec<u64>, Refusal> {
        if self.rest.is_empty() && max >= self.block {
            return self.cursor.take(max);
        }
        self.take_of_block(max)
    }

    pub(crate) fn fill(&mut self, len: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < len {
            let Ok(more) = self.take((len - ids.len()) as u64) else { break };
            ids.extend(more);
        }
        ids
    }

    pub(crate) fn rest(&self) -> Vec<u64> {
        self.rest.iter().copied().collect()
    }

    /// Puts the rest back, which must be allowed: nothing was claimed behind the block.
    pub(crate) fn give_back(mut self) {
        if self.rest.is_empty() {
            return;
        }
        let mut inside = self.cursor.0.lock().unwrap();
        assert!(!inside.retired, "a retired cursor takes nothing back");
        assert_eq!((self.generation, self.behind), (inside.generation, inside.active.len()));
        self.rest.append(&mut inside.active);
        inside.active = self.rest;
    }
}
