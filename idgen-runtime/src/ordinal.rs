//! A worker id from the name of a host: the ordinal of a pod of a Kubernetes StatefulSet.
//!
//! The pods of the set `web` are called `web-0`, `web-1` and so on, and no two of them that live
//! have one name. That is a wish and no proof: an old pod may still run somewhere out of reach, so
//! the worker id is recorded in a registry like any other.

use idgen_snowflake::Layout;
use idgen_store::Wish;

/// Why the name of a host makes no worker id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrdinalError {
    /// There is no number behind the last `-`.
    #[error(
        "the host name '{name}' does not end in an ordinal, as web-0 does; run in a StatefulSet, \
         or name the worker id"
    )]
    None {
        /// The name of the host.
        name: String,
    },
    /// The layout has no such worker id.
    #[error(
        "the ordinal of host name '{name}' is too large: the layout has worker ids 0 to {last}; \
         use a layout with more worker bits, or fewer replicas"
    )]
    TooLarge {
        /// The name of the host.
        name: String,
        /// The highest worker id of the layout.
        last: u64,
    },
}

/// The wish for the worker id that is the ordinal in a host's name: of `web-3` it is 3.
///
/// Only the first label of the name counts, up to a dot. An ordinal is written without leading
/// zeros. Kubernetes puts the name in the variable `HOSTNAME`; see [`host_name`].
///
/// # Errors
///
/// [`OrdinalError`] shows the name that has no ordinal, or one that the layout has no worker id
/// for.
///
/// # Examples
///
/// ```
/// use idgen_runtime::{ordinal_wish, snowflake::Preset, store::Wish};
///
/// let layout = Preset::named("standard")?.layout;
/// assert_eq!(ordinal_wish("web-3", &layout)?, Wish::Exactly(3));
/// assert!(ordinal_wish("laptop", &layout).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ordinal_wish(host_name: &str, layout: &Layout) -> Result<Wish, OrdinalError> {
    let label = host_name.split('.').next().unwrap_or_default();
    let ordinal = label.rsplit_once('-').map(|(_set, ordinal)| ordinal);
    let is_number = |text: &&str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (*text == "0" || !text.starts_with('0'))
    };
    let name = host_name.to_owned();
    let Some(ordinal) = ordinal.filter(is_number) else {
        return Err(OrdinalError::None { name });
    };
    let last = layout.workers() - 1;
    match ordinal.parse() {
        Ok(worker) if worker <= last => Ok(Wish::Exactly(worker)),
        _ => Err(OrdinalError::TooLarge { name, last }),
    }
}

/// The name of this host: the variable `HOSTNAME`, or what the system says.
pub fn host_name() -> String {
    let named = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    named.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_snowflake::Preset;

    fn wish(name: &str) -> Result<Wish, OrdinalError> {
        ordinal_wish(name, &Preset::named("standard").unwrap().layout)
    }

    #[test]
    fn the_ordinal_is_behind_the_last_dash() {
        for (name, worker) in
            [("web-0", 0), ("my-web-12", 12), ("web-1023", 1023), ("a-7.web.example.org", 7)]
        {
            assert_eq!(wish(name), Ok(Wish::Exactly(worker)), "{name}");
        }
    }

    #[test]
    fn what_is_no_ordinal_is_refused_by_name() {
        for name in ["", "web", "web-", "web-x", "web-1a", "web-+1", "web-01", "web.a-0", "7"] {
            let refused = wish(name);
            assert_eq!(refused, Err(OrdinalError::None { name: name.to_owned() }));
            assert!(refused.unwrap_err().to_string().contains(&format!("'{name}'")));
        }
    }

    #[test]
    fn what_the_layout_cannot_hold_is_refused_by_name() {
        for name in ["web-1024", "web-99999999999999999999"] {
            let said = wish(name).unwrap_err().to_string();
            assert!(said.contains(name) && said.contains("0 to 1023"), "{said}");
        }
    }

    #[test]
    fn this_host_has_a_name() {
        assert!(!host_name().is_empty());
    }
}
