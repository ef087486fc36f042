//! The URL of a store on the network, taken apart.
//!
//! `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...][/PATH][?NAME=VALUE&...]`, with `%XX`
//! for any byte that has a meaning here. A URL that cannot be taken apart is never quoted: what
//! looks like a host or an option may be a piece of a password whose `/` or `?` was not escaped.

use std::fmt;

use crate::StoreError;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself, for whoever sends it to a server.
    #[allow(dead_code, reason = "not every server takes secrets")]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One server of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// A name, an address without brackets or, decoded from `%2F...`, the directory of a socket.
    pub(crate) host: String,
    /// `None` for the backend's usual one.
    pub(crate) port: Option<u16>,
}

/// The parts of a URL, decoded.
#[derive(Clone, Debug)]
pub(crate) struct StoreUrl {
    pub(crate) scheme: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    /// At least one.
    pub(crate) hosts: Vec<HostPort>,
    /// What stands between the `/` behind the hosts and the `?`.
    pub(crate) path: String,
    options: Vec<(String, String)>,
}

impl StoreUrl {
    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] says which part is wrong, without quoting it.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        let begun = url.split_once("://").filter(|(scheme, _)| is_word(scheme));
        let Some((scheme, rest)) = begun else {
            // What stands there may hold a password; a word before a colon and a slash does not.
            let word = url.split_once(":/").map_or("", |(word, _)| word);
            let scheme = if is_word(word) { word } else { "store" };
            return Err(Flaws { scheme }.flaw("it does not begin with a word and ://"));
        };
        let of = Flaws { scheme };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        if path.contains('@') || query.contains('@') {
            return Err(of.flaw("an @ stands behind the hosts"));
        }
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, "")))
        {
            Some((user, "")) => (Some(of.decode(user)?), None),
            Some((user, password)) => (Some(of.decode(user)?), Some(of.decode(password)?)),
            None => (None, None),
        };
        Ok(Self {
            scheme: scheme.to_owned(),
            user: user.filter(|user| !user.is_empty()),
            password: password.map(Secret),
            hosts: hosts.split(',').map(|text| of.host(text)).collect::<Result<_, _>>()?,
            path: of.decode(path)?,
            options: options(&of, query)?,
        })
    }

    /// Where the store is, as messages show it.
    pub(crate) fn place(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        format!("{}://{}/{}", self.scheme, hosts.join(","), self.path.escape_debug())
    }

    /// Removes an option and returns its value.
    pub(crate) fn take(&mut self, option: &str) -> Option<String> {
        let at = self.options.iter().position(|(name, _)| name == option)?;
        Some(self.options.remove(at).1)
    }

    /// Removes an option that is a whole number within bounds.
    pub(crate) fn take_number(
        &mut self,
        option: &str,
        within: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(text) = self.take(option) else { return Ok(None) };
        match text.parse() {
            Ok(number) if within.contains(&number) => Ok(Some(number)),
            _ => Err(StoreError::Refused(format!(
                "option {option} of {} is a whole number from {} to {}; write one",
                self.place(),
                within.start(),
                within.end()
            ))),
        }
    }

    /// Refuses what was not taken; `known` are the options of this backend.
    pub(crate) fn finish(&self, known: &[&str]) -> Result<(), StoreError> {
        let Some((name, _)) = self.options.first() else { return Ok(()) };
        let what = if known.contains(&name.as_str()) {
            "is given twice; once is enough"
        } else {
            "is not known"
        };
        Err(StoreError::Refused(format!(
            "option '{}' of {} {what}; a {} URL takes: {}",
            name.escape_debug(),
            self.place(),
            self.scheme,
            known.join(", ")
        )))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        if host.contains(':') {
            write!(f, "[{host}]")?
        } else {
            f.write_str(host)?
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Whether a text may be the scheme of a URL.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

/// Says what is wrong with a URL of a scheme.
struct Flaws<'a> {
    scheme: &'a str,
}

impl Flaws<'_> {
    fn flaw(&self, what: &str) -> StoreError {
        let scheme = self.scheme;
        StoreError::Refused(format!(
            "a {scheme} URL is {scheme}://USER:PASSWORD@HOST:PORT/PATH?NAME=VALUE, and in this one \
             {what}; in a password write % / ? # @ : as %25 %2F %3F %23 %40 %3A"
        ))
    }

    fn host(&self, text: &str) -> Result<HostPort, StoreError> {
        let (host, port) = match text.strip_prefix('[').map(|text| text.split_once(']')) {
            Some(Some((address, ""))) => (address, None),
            Some(Some((address, rest))) => (address, rest.strip_prefix(':').or(Some(""))),
            Some(None) => return Err(self.flaw("a [ is not closed")),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let host = self.decode(host)?;
        if host.is_empty() {
            return Err(self.flaw("there is no host"));
        }
        let port = port.map(str::parse::<u16>).transpose().ok().filter(|port| *port != Some(0));
        let port = port.ok_or_else(|| self.flaw("a port is no number from 1 to 65535"))?;
        Ok(HostPort { host, port })
    }

    fn decode(&self, text: &str) -> Result<String, StoreError> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (Some(high), Some(low)) = (digit(), digit()) else {
                return Err(self.flaw("a % has no two hexadecimal digits behind it"));
            };
            bytes.push(u8::try_from(high * 16 + low).expect("two digits make a byte"));
        }
        String::from_utf8(bytes).map_err(|_not_utf8| self.flaw("a %XX makes no UTF-8"))
    }
}

fn options(of: &Flaws<'_>, query: &str) -> Result<Vec<(String, String)>, StoreError> {
    let words = query.split('&').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let pair = word.split_once('=').ok_or_else(|| of.flaw("an option has no ="))?;
            Ok((of.decode(pair.0)?, of.decode(pair.1)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let text = "postgres://me:p%40%2F%3a@[::1]:5433,%2Frun%2Fpg/db%20x?a=1&b=%26";
        let mut url = StoreUrl::parse(text).unwrap();
        assert_eq!(url.user.as_deref(), Some("me"));
        assert_eq!(url.password.as_ref().unwrap().reveal(), "p@/:");
        let hosts: Vec<_> = url.hosts.iter().map(|at| (at.host.as_str(), at.port)).collect();
        assert_eq!(hosts, [("::1", Some(5433)), ("/run/pg", None)]);
        assert_eq!(url.place(), "postgres://[::1]:5433,/run/pg/db x");
        assert_eq!((url.take("b").as_deref(), url.take("c")), (Some("&"), None));
        let error = url.finish(&["b"]).unwrap_err().to_string();
        assert!(error.contains("option 'a'") && error.contains("takes: b"), "{error}");
        assert_eq!(url.take_number("a", 0..=1).unwrap(), Some(1));
        url.finish(&[]).unwrap();
    }

    #[test]
    fn a_login_may_be_missing() {
        let url = StoreUrl::parse("redis://host").unwrap();
        assert_eq!((url.user, url.password, url.path.as_str()), (None, None, ""));
        let url = StoreUrl::parse("redis://:word@host").unwrap();
        assert_eq!((url.user, url.password), (None, Some(Secret("word".to_owned()))));
    }

    #[test]
    fn nothing_of_a_password_is_shown() {
        let broken = [
            "mysql://me:secret/x@host/db",
            "mysql://me:secret?x@host/db",
            "mysql://me:12?secret=x@host/db",
            "mysql://me:12/secret@host/db",
            "mysql://me:secret%x@host/db",
            "mysql://me:secret@host:port/db",
            "mysql://me:secret@/db",
            "mysql://me:secret@[::1/db",
            "mysql://me:secret@host/db?x",
            "mysql:/me:secret@host/db",
        ];
        for url in broken {
            let error = StoreUrl::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("mysql://"), "{error}");
        }
        for url in ["me:secret@host/db", "me:secret://x@host/db", "secret"] {
            let error = StoreUrl::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("store://"), "{error}");
        }
        let url = StoreUrl::parse("mysql://me:secret@host/db").unwrap();
        assert!(!format!("{url:?} {}", url.place()).contains("secret"));
    }

    #[test]
    fn numbers_are_within_bounds() {
        for bad in ["0", "9", "x", "-1", ""] {
            let mut url = StoreUrl::parse(&format!("etcd://h/?n={bad}")).unwrap();
            let error = url.take_number("n", 1..=8).unwrap_err().to_string();
            assert!(error.contains("option n of etcd://h/") && error.contains("1 to 8"), "{error}");
        }
        let mut url = StoreUrl::parse("etcd://h/?n=1&n=2").unwrap();
        assert_eq!(url.take_number("n", 1..=8).unwrap(), Some(1));
        assert!(url.finish(&["n"]).unwrap_err().to_string().contains("twice"));
    }
}
