//! GenID: answers come in the order of the requests.

use std::collections::VecDeque;

use idgen_core::IdRange;
use idgen_wire::genid::{ReplyDecoder, Request};

use super::{Answered, Dialect};
use crate::order::{Answer, Order};
use crate::taken::push;

/// One connection to a GenID node.
pub(crate) struct GenId {
    pending: VecDeque<Pending>,
}

/// A request, of several on the wire if it is large, and its ids so far.
struct Pending {
    order: Order<u16>,
    /// How many ids the replies behind the current one carry.
    left: u16,
    reply: ReplyDecoder,
    ranges: Vec<IdRange>,
}

/// The next request on the wire when this many ids are due.
fn part(left: u16) -> Request {
    match left {
        1 => Request::One,
        more => Request::Batch(u8::try_from(more).unwrap_or(u8::MAX)),
    }
}

impl Pending {
    fn new(order: Order<u16>) -> Self {
        let mut left = order.ask;
        let reply = Self::next(&mut left);
        Self { order, left, reply, ranges: Vec::new() }
    }

    fn next(left: &mut u16) -> ReplyDecoder {
        let part = part(*left);
        *left -= u16::from(part.ids());
        ReplyDecoder::new(part)
    }

    /// Whether all ids are there.
    fn read(&mut self, bytes: &mut &[u8]) -> Result<bool, String> {
        loop {
            match self.reply.decode(bytes).map_err(|wrong| wrong.to_string())? {
                Some(id) => push(&mut self.ranges, id),
                None if !self.reply.is_done() => return Ok(false),
                None if self.left == 0 => return Ok(true),
                None => self.reply = Self::next(&mut self.left),
            }
        }
    }
}

impl Dialect for GenId {
    /// How many ids, at least 1.
    type Ask = u16;

    fn new() -> Self {
        Self { pending: VecDeque::new() }
    }

    fn ids(ask: &u16) -> u64 {
        (*ask).into()
    }

    fn greeting() -> &'static [u8] {
        &[]
    }

    fn is_greeted(&self) -> bool {
        true
    }

    fn under_way(&self) -> usize {
        self.pending.len()
    }

    fn send(&mut self, order: Order<u16>, out: &mut Vec<u8>) {
        let mut left = order.ask;
        while left > 0 {
            let part = part(left);
            out.extend_from_slice(&part.encode());
            left -= u16::from(part.ids());
        }
        self.pending.push_back(Pending::new(order));
    }

    fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<Answered<u16>>, String> {
        let Some(first) = self.pending.front_mut() else {
            return match bytes.is_empty() {
                true => Ok(None),
                false => Err("it sent ids that nobody asked for".to_owned()),
            };
        };
        if !first.read(bytes)? {
            return Ok(None);
        }
        let whole = self.pending.pop_front();
        Ok(whole.map(|Pending { order, ranges, .. }| (order, Ok(Answer::Ids(ranges)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Waiting, order};
    use std::sync::Arc;
    use std::time::Instant;

    fn asked(count: u16) -> (Order<u16>, Waiting) {
        order(count, count.into(), Instant::now(), Arc::default())
    }

    #[test]
    fn a_large_request_is_several_on_the_wire() {
        let (mut genid, mut out) = (GenId::new(), Vec::new());
        let wanted = [asked(1), asked(255), asked(511), asked(2)];
        let _waiting = wanted.map(|(order, waiting)| {
            genid.send(order, &mut out);
            waiting
        });
        assert_eq!(out, [0, 0, 1, 255, 1, 255, 1, 255, 0, 0, 1, 2]);
        let mut stream = Vec::new();
        let mut id = 0_u64;
        for count in [0, 255, 255, 255, 0, 2] {
            stream.extend((count > 0).then_some(count));
            for _ in 0..count.max(1) {
                id += 1;
                stream.extend(id.to_be_bytes());
            }
        }
        let mut lens = Vec::new();
        for mut piece in stream.chunks(1000) {
            while let Some((_, outcome)) = genid.receive(&mut piece).unwrap() {
                let Ok(Answer::Ids(ranges)) = outcome else { panic!("{outcome:?}") };
                assert_eq!(ranges.len(), 1, "neighbours are one range");
                lens.push(ranges[0].len());
            }
        }
        assert_eq!((lens, genid.under_way()), (vec![1, 255, 511, 2], 0));
    }

    #[test]
    fn answers_out_of_step_are_faults() {
        let mut genid = GenId::new();
        assert!(genid.receive(&mut &[0][..]).unwrap_err().contains("nobody asked"));
        let (order, _waiting) = asked(3);
        genid.send(order, &mut Vec::new());
        assert!(genid.receive(&mut &[4][..]).unwrap_err().contains("announces 4"));
    }
}
