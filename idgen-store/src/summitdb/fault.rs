//! What a node and the way to it say instead of doing a command.

use redis::RedisError;

/// What came instead of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The command was not done; this address leads.
    Elsewhere(String),
    /// The command was not done; the node knows of no leader.
    Leaderless(String),
    /// Whether the command was or will be done is unknown.
    Nothing(String),
    /// No other node would say anything else.
    Refusal(String),
}

/// Reads an error.
///
/// A node answers errors of its cluster in plain words: that it was no longer the leader when the
/// command was to be kept by the others, or that this took too long. Errors of a command have a
/// code in capitals.
pub(super) fn said(error: &RedisError) -> Said {
    let Some(code) = error.code() else { return Said::Nothing(error.to_string()) };
    let detail = error.detail().unwrap_or_default();
    match (code, detail) {
        ("TRY", address) => Said::Elsewhere(address.trim().to_owned()),
        ("ERR", "leader not known") => Said::Leaderless(detail.to_owned()),
        _ if code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            Said::Refusal(format!("{code} {detail}"))
        }
        _ => Said::Nothing(format!("{code} {detail}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, detail: &str) -> Said {
        said(&redis::make_extension_error(code.to_owned(), Some(detail.to_owned())))
    }

    #[test]
    fn words_of_the_cluster_are_told_from_those_of_a_command() {
        assert_eq!(of("TRY", "127.0.0.1:7481"), Said::Elsewhere("127.0.0.1:7481".to_owned()));
        assert!(matches!(of("ERR", "leader not known"), Said::Leaderless(_)));
        assert!(matches!(of("ERR", "unknown command 'EVAL'"), Said::Refusal(_)));
        let lost = Said::Nothing("leadership lost while committing log".to_owned());
        assert_eq!(of("leadership", "lost while committing log"), lost);
        let broken = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(matches!(said(&broken), Said::Nothing(_)));
    }
}
