//! The layout that an id space keeps on record, and what may become of it.
//!
//! Ids of two layouts meet where the same number means two things. So a node may only start with
//! the layout on record, or with one that makes no number twice:
//!
//! - *More time bits, all else equal.* They stand on top: every id keeps its number.
//! - *An earlier epoch, all else equal.* The same moment gets a higher tick, so that what is issued
//!   from now on lies above what was. A node that still has the later epoch would come to these
//!   ticks again one difference of the epochs later, perhaps under a worker id that was granted
//!   anew: so this is taken up only while nobody holds a worker id, and each claim looks at the
//!   record again once it is granted.
//!
//! Everything else is refused, each difference named.

use idgen_snowflake::Layout;

/// The layout as id spaces record it.
pub(crate) fn in_words(layout: &Layout) -> String {
    let fields: Vec<String> =
        layout.fields().iter().map(|field| format!("{}:{}", field.name(), field.bits())).collect();
    format!(
        "{} time:{} {} epoch:{}ms tick:{}ms",
        if layout.signed() { "signed" } else { "unsigned" },
        layout.time_bits(),
        fields.join(" "),
        layout.epoch_unix_ms(),
        layout.tick_ms(),
    )
}

/// What the words of a layout say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spoken {
    sign: String,
    time_bits: u32,
    /// Names and widths from high to low.
    fields: Vec<(String, u32)>,
    epoch_ms: u64,
    tick_ms: u64,
}

impl Spoken {
    /// `None` if another version wrote them.
    fn read(words: &str) -> Option<Self> {
        let (sign, rest) = words.split_once(" time:")?;
        let (rest, tick) = rest.rsplit_once(" tick:")?;
        let (rest, epoch) = rest.rsplit_once(" epoch:")?;
        let (time, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut fields = Vec::new();
        let mut name = String::new();
        // A name of the caller's own may hold blanks.
        for word in rest.split(' ') {
            name.push_str(word);
            match name.rsplit_once(':').and_then(|(name, bits)| Some((name, bits.parse().ok()?))) {
                Some((whole, bits)) => {
                    fields.push((whole.to_owned(), bits));
                    name.clear();
                }
                None => name.push(' '),
            }
        }
        Some(Self {
            sign: sign.to_owned(),
            time_bits: time.parse().ok()?,
            fields,
            epoch_ms: epoch.strip_suffix("ms")?.parse().ok()?,
            tick_ms: tick.strip_suffix("ms")?.parse().ok()?,
        })
    }
}

/// How a layout differs from another one, old value before new value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// Each of them can make a number twice.
    pub(crate) clashing: Vec<String>,
    /// Every id keeps its number, but the last one comes sooner than others rely on.
    pub(crate) fewer_time_bits: Option<String>,
    pub(crate) more_time_bits: Option<String>,
    pub(crate) earlier_epoch: Option<String>,
}

impl Differences {
    /// From the layout `old` to the layout `new`, both in words.
    pub(crate) fn between(old: &str, new: &str) -> Self {
        if old == new {
            return Self::default();
        }
        let (Some(old), Some(new)) = (Spoken::read(old), Spoken::read(new)) else {
            let clashing = vec!["the record is in words of another version".to_owned()];
            return Self { clashing, ..Self::default() };
        };
        let mut found = Self::default();
        found.of_time(&old, &new);
        found.of_fields(&old, &new);
        found
    }

    fn of_time(&mut self, old: &Spoken, new: &Spoken) {
        if old.sign != new.sign {
            self.clashing.push(format!("ids were {}, now {}", old.sign, new.sign));
        }
        if old.tick_ms != new.tick_ms {
            self.clashing.push(format!("the tick was {} ms, now {}", old.tick_ms, new.tick_ms));
        }
        let epoch = format!("the epoch was {} ms since 1970, now {}", old.epoch_ms, new.epoch_ms);
        match new.epoch_ms.cmp(&old.epoch_ms) {
            std::cmp::Ordering::Greater => {
                self.clashing.push(format!("{epoch}: later, so that ticks come again"));
            }
            std::cmp::Ordering::Less => self.earlier_epoch = Some(epoch),
            std::cmp::Ordering::Equal => {}
        }
        let time = format!("time had {} bits, now {}", old.time_bits, new.time_bits);
        if new.time_bits < old.time_bits {
            self.fewer_time_bits = Some(time);
        } else if new.time_bits > old.time_bits {
            self.more_time_bits = Some(time);
        }
    }

    fn of_fields(&mut self, old: &Spoken, new: &Spoken) {
        let bits_in = |fields: &[(String, u32)], name: &str| {
            fields.iter().find(|(other, _)| other == name).map(|(_, bits)| *bits)
        };
        let before = self.clashing.len();
        for (name, bits) in &old.fields {
            match bits_in(&new.fields, name) {
                Some(now) if now == *bits => {}
                Some(now) => self.clashing.push(format!("field {name} had {bits} bits, now {now}")),
                None => self.clashing.push(format!("field {name} is gone")),
            }
        }
        for (name, bits) in &new.fields {
            if bits_in(&old.fields, name).is_none() {
                self.clashing.push(format!("field {name} of {bits} bits is new"));
            }
        }
        if self.clashing.len() == before && old.fields != new.fields {
            let order = |fields: &[(String, u32)]| {
                fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(" ")
            };
            let (was, is) = (order(&old.fields), order(&new.fields));
            self.clashing.push(format!("fields were in the order {was}, now {is}"));
        }
    }

    /// Why a node may not start so; empty if it may.
    pub(crate) fn refused(&self) -> String {
        let all: Vec<&str> =
            self.clashing.iter().chain(&self.fewer_time_bits).map(String::as_str).collect();
        all.join("; ")
    }

    /// Whether ids of both layouts may be issued at the same time: they differ in time bits alone.
    pub(crate) fn meet(&self) -> bool {
        !self.clashing.is_empty() || self.earlier_epoch.is_some()
    }

    /// What they meet in, in words.
    pub(crate) fn meeting(&self) -> String {
        let all: Vec<&str> =
            self.clashing.iter().chain(&self.earlier_epoch).map(String::as_str).collect();
        all.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_snowflake::PRESETS;

    const OLD: &str = "signed time:41 worker:10 sequence:12 epoch:1735689600000ms tick:1ms";

    fn to(new: &str) -> Differences {
        Differences::between(OLD, new)
    }

    #[test]
    fn every_preset_is_read_as_it_was_written() {
        for preset in &PRESETS {
            let words = in_words(&preset.layout);
            let spoken = Spoken::read(&words).unwrap();
            let fields = preset.layout.fields().iter();
            assert!(
                fields.map(|it| (it.name().to_owned(), it.bits())).eq(spoken.fields),
                "{words}"
            );
            assert_eq!(spoken.time_bits, preset.layout.time_bits());
            assert_eq!(spoken.tick_ms, preset.layout.tick_ms());
            assert_eq!(Differences::between(&words, &words), Differences::default());
        }
        let named =
            Spoken::read("signed time:41 my own:10 sequence:12 epoch:1ms tick:1ms").unwrap();
        assert_eq!(named.fields[0], ("my own".to_owned(), 10));
    }

    #[test]
    fn what_could_make_a_number_twice_is_refused_by_name() {
        for (new, reasons) in [
            (OLD.replace("worker:10", "worker:8"), "field worker had 10 bits, now 8"),
            (OLD.replace("worker:10", "worker:11"), "field worker had 10 bits, now 11"),
            (OLD.replace("time:41", "time:40"), "time had 41 bits, now 40"),
            (OLD.replace("tick:1ms", "tick:10ms"), "the tick was 1 ms, now 10"),
            (OLD.replace("signed", "unsigned"), "ids were signed, now unsigned"),
            (OLD.replace("1735689600000", "1735689600001"), "later, so that ticks come again"),
            (OLD.replace("worker:10 sequence:12", "sequence:12 worker:10"), "now sequence worker"),
            (OLD.replace("worker", "shard"), "field worker is gone; field shard of 10 bits is new"),
            ("words of tomorrow".to_owned(), "another version"),
        ] {
            let refused = to(&new).refused();
            assert!(refused.contains(reasons), "{new}: {refused}");
        }
        let both = to(&OLD.replace("worker:10", "worker:9").replace("tick:1ms", "tick:2ms"));
        assert_eq!(both.clashing.len(), 2, "each reason is named: {both:?}");
    }

    #[test]
    fn what_makes_no_number_twice_is_told_from_it() {
        let more = to(&OLD.replace("time:41", "time:42"));
        assert_eq!(more.refused(), "");
        assert!(!more.meet() && more.more_time_bits.is_some() && more.earlier_epoch.is_none());
        let earlier = to(&OLD.replace("1735689600000", "1700000000000"));
        assert_eq!(earlier.refused(), "");
        assert!(earlier.meet() && earlier.earlier_epoch.is_some());
        assert!(!to(&OLD.replace("time:41", "time:40")).meet());
    }

    /// The reasons of the two safe changes, tried on ids.
    #[test]
    fn safe_changes_keep_old_ids_or_pass_them() {
        let layout = |bits, epoch| {
            Layout::builder(bits).epoch_unix_ms(epoch).node("worker", 10).sequence(11).build()
        };
        let now = 1_750_000_000_000;
        let (old, wide) = (layout(41, 1_735_689_600_000), layout(42, 1_735_689_600_000));
        let earlier = layout(41, 1_735_689_599_999);
        let id = |layout: &Layout, ms| layout.compose(ms, &[("worker", 3)], 5).unwrap();
        assert_eq!(id(&old, now), id(&wide, now));
        assert!(id(&earlier, now) > id(&old, now));
        assert_eq!(id(&earlier, now), id(&old, now + 1), "a late node of the old layout repeats");
    }
}
