//! idgen's own protocol: answers come by the number of their request, in any order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_wire::native::{self, PREAMBLE, REQUEST_MAX, Reply, ReplyDecoder, Request};

use super::{Answered, Dialect};
use crate::native::Health;
use crate::order::{Answer, Order, Refused};

/// What the client keeps of its wait for the answer's way back, at most.
const WAY_BACK: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Ids of a sequence, whose name fits a request.
    Ids(Arc<str>, u32),
    Snowflakes(u32),
    Health,
}

/// One connection to a server's native door.
pub(crate) struct Native {
    decoder: ReplyDecoder,
    pending: HashMap<u32, Pending>,
    next: u32,
}

struct Pending {
    order: Order<Ask>,
    ranges: Vec<IdRange>,
    /// How many ids are still to come.
    left: u64,
}

impl Pending {
    /// Keeps the ranges of one frame; more ids than were asked for are a fault.
    fn keep(&mut self, ranges: native::Ranges<'_>) -> Option<()> {
        for range in ranges {
            self.left = self.left.checked_sub(range.len())?;
            self.ranges.push(range);
        }
        Some(())
    }
}

/// How long the server may take, in milliseconds: the answer has to come back in time.
fn deadline_ms(until: Instant) -> u32 {
    let left = until.saturating_duration_since(Instant::now());
    let for_server = left - (left / 8).min(WAY_BACK);
    // The server has a deadline of its own, far below.
    u32::try_from(for_server.as_millis()).unwrap_or(u32::MAX)
}

impl Dialect for Native {
    type Ask = Ask;

    fn new() -> Self {
        Self { decoder: ReplyDecoder::new(), pending: HashMap::new(), next: 0 }
    }

    fn ids(ask: &Ask) -> u64 {
        match ask {
            Ask::Ids(_, count) | Ask::Snowflakes(count) => (*count).into(),
            Ask::Health => 0,
        }
    }

    fn greeting() -> &'static [u8] {
        &PREAMBLE
    }

    fn is_greeted(&self) -> bool {
        self.decoder.is_greeted()
    }

    fn under_way(&self) -> usize {
        self.pending.len()
    }

    fn send(&mut self, order: Order<Ask>, out: &mut Vec<u8>) {
        let ask = match &order.ask {
            Ask::Ids(name, count) => native::Ask::Ids { sequence: name, count: *count },
            Ask::Snowflakes(count) => native::Ask::Snowflakes { count: *count },
            Ask::Health => native::Ask::Health,
        };
        while self.pending.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let mut buffer = [0; REQUEST_MAX];
        let request = Request { deadline_ms: deadline_ms(order.until), ask };
        let len = request.encode(self.next, &mut buffer);
        let len = len.expect("the name is checked when a sequence is made");
        out.extend_from_slice(&buffer[..len]);
        let left = Self::ids(&order.ask);
        self.pending.insert(self.next, Pending { order, ranges: Vec::new(), left });
        self.next = self.next.wrapping_add(1);
    }

    fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<Answered<Ask>>, String> {
        loop {
            let decoded = self.decoder.decode(bytes).map_err(|fault| fault.to_string())?;
            let Some((number, reply)) = decoded else { return Ok(None) };
            let out_of_step = || format!("it sent an answer {number} that nobody asked for");
            let pending = self.pending.get_mut(&number).ok_or_else(out_of_step)?;
            let outcome = match reply {
                Reply::Ids { ranges, more } => {
                    pending.keep(ranges).ok_or_else(out_of_step)?;
                    if more {
                        continue;
                    }
                    if pending.left > 0 || matches!(pending.order.ask, Ask::Health) {
                        return Err(out_of_step());
                    }
                    Ok(Answer::Ids(std::mem::take(&mut pending.ranges)))
                }
                Reply::Refused { cause, retry_after_ms, sentence } => Err(Refused {
                    cause,
                    detail: sentence.to_owned(),
                    retry_after_ms: retry_after_ms.map(Into::into),
                }),
                Reply::Health { is_ready, sentence } => {
                    if !matches!(pending.order.ask, Ask::Health) {
                        return Err(out_of_step());
                    }
                    Ok(Answer::Health(Health { is_ready, reasons: sentence.to_owned() }))
                }
            };
            let whole = self.pending.remove(&number);
            return Ok(whole.map(|pending| (pending.order, outcome)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Outcome, Waiting, order};
    use idgen_core::Cause;
    use idgen_wire::native::{REPLY_MAX, encode_health, encode_ids, encode_refusal};

    fn sent(native: &mut Native, asks: &[Ask]) -> Vec<Waiting> {
        let send = |ask: &Ask| {
            let (order, waiting) =
                order(ask.clone(), Native::ids(ask), Instant::now(), Arc::default());
            native.send(order, &mut Vec::new());
            waiting
        };
        asks.iter().map(send).collect()
    }

    fn frame(encode: impl FnOnce(&mut [u8; REPLY_MAX]) -> usize) -> Vec<u8> {
        let mut buffer = [0; REPLY_MAX];
        let len = encode(&mut buffer);
        buffer[..len].to_vec()
    }

    fn ids(number: u32, len: u64) -> Vec<u8> {
        let range = [IdRange::new(10, 1, len).unwrap()];
        frame(|buffer| encode_ids(number, &range, buffer).0)
    }

    fn outcomes(native: &mut Native, stream: &[u8]) -> Result<Vec<Outcome>, String> {
        let (mut bytes, mut all) = (stream, Vec::new());
        while let Some((_, outcome)) = native.receive(&mut bytes)? {
            all.push(outcome);
        }
        Ok(all)
    }

    #[test]
    fn answers_find_their_requests_in_any_order() {
        let mut native = Native::new();
        let asks = [Ask::Ids("a".into(), 5), Ask::Snowflakes(7), Ask::Health];
        let _waiting = sent(&mut native, &asks);
        assert!(!native.is_greeted());
        let refused =
            frame(|buffer| encode_refusal(0, Cause::Draining, Some(3), "go elsewhere", buffer));
        let health = frame(|buffer| encode_health(2, false, "no lease", buffer));
        let stream = [&PREAMBLE[..], &health, &ids(1, 7), &refused].concat();
        let all = outcomes(&mut native, &stream).unwrap();
        assert!(native.is_greeted() && native.under_way() == 0);
        let health = Health { is_ready: false, reasons: "no lease".to_owned() };
        let refused = Refused {
            cause: Cause::Draining,
            detail: "go elsewhere".to_owned(),
            retry_after_ms: Some(3),
        };
        let ranges = vec![IdRange::new(10, 1, 7).unwrap()];
        assert_eq!(all, [Ok(Answer::Health(health)), Ok(Answer::Ids(ranges)), Err(refused)]);
    }

    #[test]
    fn more_or_fewer_ids_than_asked_for_are_a_fault() {
        for wrong in [ids(0, 4), ids(0, 6), ids(1, 5), b"\x00\x06\0\0\0\0\x04\x01".to_vec()] {
            let mut native = Native::new();
            let _waiting = sent(&mut native, &[Ask::Snowflakes(5)]);
            let stream = [&PREAMBLE[..], &wrong].concat();
            assert!(outcomes(&mut native, &stream).unwrap_err().contains("nobody asked"));
        }
        let stranger = outcomes(&mut Native::new(), b"HTTP/1.1 400").unwrap_err();
        assert!(stranger.contains("--native"), "{stranger}");
    }

    #[test]
    fn numbers_under_way_are_not_used_twice() {
        let mut native = Native::new();
        let _first = sent(&mut native, &[Ask::Snowflakes(1)]);
        native.next = u32::MAX;
        let _more = sent(&mut native, &[Ask::Snowflakes(2), Ask::Snowflakes(3)]);
        let mut numbers: Vec<u32> = native.pending.keys().copied().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, u32::MAX]);
    }

    #[test]
    fn the_server_is_given_less_than_the_caller_has() {
        let now = Instant::now();
        assert_eq!(deadline_ms(now), 0);
        assert!((1850..=1900).contains(&deadline_ms(now + Duration::from_secs(2))));
        assert!((60..=70).contains(&deadline_ms(now + Duration::from_millis(80))));
    }
}
