//! Which nodes there are, and how long each may take.

use std::time::Duration;

use crate::Error;

/// What a client is told at its making.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use idgen_client::Settings;
/// let settings = Settings {
///     silence: Duration::from_secs(2),
///     ..Settings::new(["10.0.0.1:3779", "10.0.0.2:3779"])
/// };
/// assert_eq!(settings.nodes.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// The nodes, each as `HOST:PORT`; at least one. All must serve the same ids: the same store,
    /// or machine numbers that differ.
    pub nodes: Vec<String>,
    /// How long a connection may take to be made and greeted. Default 1 s.
    pub connect: Duration,
    /// How long a node may owe an answer and send nothing at all; then its connection is broken
    /// off and what waited is sent anew elsewhere. Longer than a GenID node's wait for its next
    /// second. Default 3 s.
    pub silence: Duration,
    /// The first rest of a node that failed, before it is drawn. Default 50 ms.
    pub rest_least: Duration,
    /// The longest rest of a node that failed. Default 1 s.
    pub rest_most: Duration,
    /// Requests under way on one connection at a time, at least 1; further ones wait in the client.
    /// Default 256.
    pub in_flight: usize,
}

impl Settings {
    /// The defaults for these nodes.
    pub fn new<S: Into<String>>(nodes: impl IntoIterator<Item = S>) -> Self {
        Self {
            nodes: nodes.into_iter().map(Into::into).collect(),
            connect: Duration::from_secs(1),
            silence: Duration::from_secs(3),
            rest_least: Duration::from_millis(50),
            rest_most: Duration::from_secs(1),
            in_flight: 256,
        }
    }

    /// Refuses what no client could work with.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |why: String| Err(Error::Usage(why));
        if self.nodes.is_empty() {
            return wrong("there is no node; name at least one as HOST:PORT".to_owned());
        }
        let is_address = |text: &str| {
            text.rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if let Some(node) = self.nodes.iter().find(|node| !is_address(node)) {
            let node = node.escape_debug();
            return wrong(format!("'{node}' is no address of a node; write HOST:PORT"));
        }
        if self.in_flight == 0 {
            return wrong("in_flight is 0, so nothing could be asked; allow 1 or more".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_addresses() {
        assert!(Settings::new(["localhost:1", "[::1]:3779"]).check().is_ok());
        for wrong in [&[][..], &["localhost"], &["a:1", ":1"], &["a:65536"], &["a:"]] {
            let refused = Settings::new(wrong.iter().copied()).check().unwrap_err().to_string();
            assert!(refused.contains("HOST:PORT"), "{refused}");
        }
        let none = Settings { in_flight: 0, ..Settings::new(["a:1"]) };
        assert!(none.check().unwrap_err().to_string().contains("1 or more"));
    }
}
