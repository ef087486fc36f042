//! Layouts with a name.

use core::fmt;

use crate::Layout;

/// A layout with a name.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name, as the command line spells it.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// The layout.
    pub layout: Layout,
}

/// All presets. `standard` comes first and is what to take when nothing else is asked for.
///
/// Those of other systems follow what they publish: Twitter (IdWorker of 2010), Discord (developer
/// reference, "Snowflakes"), Instagram ("Sharding & IDs at Instagram", 2012), Mastodon
/// (`lib/mastodon/snowflake.rb`), Sonyflake (its README), Meituan's Leaf (`SnowflakeIDGenImpl`),
/// Baidu's UidGenerator (its README), KSUID (the epoch of its seconds).
pub static PRESETS: [Preset; 11] = [
    Preset {
        name: "standard",
        about: "69 years of milliseconds from 2025, 1024 workers, 4,096,000 ids/s each.",
        layout: Layout::builder(41).node("worker", 10).sequence(12).build(),
    },
    Preset {
        name: "js-safe",
        about: "Below 2^53, exact in JavaScript: until 2094, 32 workers, 128,000 ids/s each.",
        layout: Layout::builder(41).node("worker", 5).sequence(7).build(),
    },
    Preset {
        name: "twitter",
        about: "Twitter's and X's: 32 datacenters of 32 workers, until 2080-07-10.",
        layout: Layout::builder(41)
            .epoch_unix_ms(TWITTER_EPOCH_MS)
            .node("datacenter", 5)
            .node("worker", 5)
            .sequence(12)
            .build(),
    },
    Preset {
        name: "genid",
        about: "GenID's: Unix seconds until 2106, 32 buckets of 65,536 ids/s on each node.",
        layout: Layout::builder(32)
            .unsigned()
            .epoch_unix_ms(0)
            .tick_ms(1000)
            .node("zone", 5)
            .node("dc", 3)
            .node("machine", 3)
            .bucket("bucket", 5)
            .sequence(16)
            .build(),
    },
    Preset {
        name: "discord",
        about: "Discord's: all 64 bits, from 2015; negative as a signed number from 2084-09-06.",
        layout: Layout::builder(42)
            .unsigned()
            .epoch_unix_ms(1_420_070_400_000)
            .node("worker", 5)
            .node("process", 5)
            .sequence(12)
            .build(),
    },
    Preset {
        name: "instagram",
        about: "Instagram's: all 64 bits, 8192 shards; negative as signed from 2046-06-27.",
        layout: Layout::builder(41)
            .unsigned()
            .epoch_unix_ms(1_314_220_021_721)
            .node("shard", 13)
            .sequence(10)
            .build(),
    },
    Preset {
        name: "mastodon",
        about: "Mastodon's: 48 bits of Unix milliseconds and no worker; one generator only.",
        layout: Layout::builder(48).unsigned().epoch_unix_ms(0).sequence(16).build(),
    },
    Preset {
        name: "sonyflake",
        about: "Sonyflake's: 174 years of 10 ms, 65,536 machines of 25,600 ids/s each.",
        layout: Layout::builder(39)
            .epoch_unix_ms(1_409_529_600_000)
            .tick_ms(10)
            .sequence(8)
            .node("machine", 16)
            .build(),
    },
    Preset {
        name: "leaf",
        about: "Meituan Leaf's: Twitter's epoch and widths with one worker field.",
        layout: Layout::builder(41)
            .epoch_unix_ms(TWITTER_EPOCH_MS)
            .node("worker", 10)
            .sequence(12)
            .build(),
    },
    Preset {
        name: "baidu",
        about: "Baidu UidGenerator's default, to decode only: its seconds ran out on 2024-11-20.",
        layout: Layout::builder(28)
            .epoch_unix_ms(1_463_673_600_000)
            .tick_ms(1000)
            .node("worker", 22)
            .sequence(13)
            .build(),
    },
    Preset {
        name: "ksuid-seconds",
        about: "Seconds from KSUID's epoch until 2150, 4096 workers of 1,048,576 ids/s each.",
        layout: Layout::builder(32)
            .unsigned()
            .epoch_unix_ms(1_400_000_000_000)
            .tick_ms(1000)
            .node("worker", 12)
            .sequence(20)
            .build(),
    },
];

const TWITTER_EPOCH_MS: u64 = 1_288_834_974_657;

/// A name that no preset has; its sentence lists those there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPreset<'a> {
    /// The name that was asked for.
    pub name: &'a str,
}

impl fmt::Display for UnknownPreset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no layout is named '{}'; take one of ", self.name.escape_debug())?;
        for (place, preset) in PRESETS.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { ", " }, preset.name)?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownPreset<'_> {}

impl Preset {
    /// The preset of this name.
    ///
    /// # Errors
    ///
    /// [`UnknownPreset`], which lists the names there are.
    pub fn named(name: &str) -> Result<&'static Self, UnknownPreset<'_>> {
        PRESETS.iter().find(|preset| preset.name == name).ok_or(UnknownPreset { name })
    }
}

/// The layout of the preset of this name.
///
/// # Examples
///
/// ```
/// use idgen_snowflake::preset;
/// assert_eq!(preset("genid").map(|layout| layout.ids_per_second()), Some(65_536));
/// assert!(preset("nobody").is_none());
/// ```
pub fn preset(name: &str) -> Option<&'static Layout> {
    Preset::named(name).ok().map(|preset| &preset.layout)
}
