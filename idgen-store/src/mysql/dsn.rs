//! The form in which Go programs write the address of a MySQL database, as a URL.
//!
//! `[USER[:PASSWORD]@][PROTOCOL[(ADDRESS)]]/DATABASE[?NAME=VALUE&...]`. As Go's driver does, the
//! database begins behind the last slash before the options, and the login ends at the last `@`
//! before that: a password may hold both, and nothing in it is escaped.

use std::fmt::Write;

use crate::StoreError;

/// Options of Go's driver that say nothing about how ids are leased.
const MEANINGLESS: [&str; 16] = [
    "allowNativePasswords",
    "charset",
    "checkConnLiveness",
    "clientFoundRows",
    "collation",
    "columnsWithAlias",
    "connectionAttributes",
    "interpolateParams",
    "loc",
    "maxAllowedPacket",
    "multiStatements",
    "parseTime",
    "readTimeout",
    "rejectReadOnly",
    "timeout",
    "writeTimeout",
];

/// Whether a text is of Go's form, and no URL of any kind.
pub(crate) fn is_dsn(text: &str) -> bool {
    let is_url = text
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let Some((login, at, _)) = parts(text).filter(|_| !is_url) else { return false };
    let named = ["tcp", "unix"].iter().any(|protocol| {
        at == *protocol || at.strip_prefix(protocol).is_some_and(|rest| rest.starts_with('('))
    });
    named || (login.is_some() && at.is_empty())
}

/// The login, the address and what follows the slash.
fn parts(text: &str) -> Option<(Option<&str>, &str, &str)> {
    // A password may hold a question mark too, so the options begin behind the slash.
    let end = text.rfind("@tcp(").or(text.rfind("@unix(")).or(text.rfind("@/")).unwrap_or(0);
    let slash = match text[end..].find(')') {
        Some(closed) => text[end + closed..].find('/').map(|at| end + closed + at),
        None => text[end..].find('/').map(|at| end + at),
    }?;
    let (place, rest) = (&text[..slash], &text[slash + 1..]);
    let (login, at) = match place.rsplit_once('@') {
        Some((login, at)) => (Some(login), at),
        None => (None, place),
    };
    Some((login, at, rest))
}

/// The same address as a URL.
pub(super) fn to_url(text: &str) -> Result<String, StoreError> {
    let flaw = |what: &str| {
        StoreError::Refused(format!(
            "an address in Go's form is USER:PASSWORD@tcp(HOST:PORT)/DATABASE, and in this one \
             {what}"
        ))
    };
    let (login, at, rest) = parts(text).ok_or_else(|| flaw("no / stands before the database"))?;
    let mut url = "mysql://".to_owned();
    if let Some(login) = login {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        write!(url, "{}:{}@", escaped(user), escaped(password)).expect("a String takes all");
    }
    url += &match at.split_once('(') {
        None => "127.0.0.1".to_owned(),
        Some((protocol, address)) => {
            let address = address.strip_suffix(')').ok_or_else(|| flaw("a ( is not closed"))?;
            match protocol {
                "unix" => escaped(address),
                _ if address.is_empty() => "127.0.0.1".to_owned(),
                _ => address.to_owned(),
            }
        }
    };
    let (database, query) = rest.split_once('?').unwrap_or((rest, ""));
    url += "/";
    url += database;
    let mut before = '?';
    for option in query.split('&').filter(|option| !option.is_empty()) {
        let name = option.split_once('=').map_or(option, |(name, _)| name);
        if !MEANINGLESS.contains(&name) {
            write!(url, "{before}{}", option.replace('@', "%40")).expect("a String takes all");
            before = '&';
        }
    }
    Ok(url)
}

fn escaped(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                url.push(char::from(byte));
            }
            _ => write!(url, "%{byte:02X}").expect("a String takes all"),
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_form_is_told_apart() {
        for dsn in ["u:p@/db", "u@/db", "u:p/?@/db", "tcp(h:1)/db", "u:p@tcp/db", "u:p@unix(/s)/d"]
        {
            assert!(is_dsn(dsn), "{dsn}");
        }
        assert!(is_dsn("u:a://b@tcp(h)/db"), "a password may hold anything");
        for other in ["postgres://u:p@/db", "mariadb://u:p@/db", "redis://:p@/0"] {
            assert!(!is_dsn(other), "{other}");
        }
        for other in ["mysql://u:p@h/db", "memory:", "sqlite:/a/b.db", "/a/b", "", "redis://h/1"] {
            assert!(!is_dsn(other), "{other}");
        }
    }

    #[test]
    fn an_address_becomes_a_url() {
        let pairs = [
            ("root:p@ss/w?rd@tcp(db:3307)/ids", "mysql://root:p%40ss%2Fw%3Frd@db:3307/ids"),
            ("me:pw@/db", "mysql://me:pw@127.0.0.1/db"),
            ("me@tcp([::1]:3306)/db?charset=utf8mb4&loc=Local", "mysql://me:@[::1]:3306/db"),
            ("tcp()/db?schema=a&parseTime=True&key=b", "mysql://127.0.0.1/db?schema=a&key=b"),
            ("me@unix(/run/a.sock)/db", "mysql://me:@%2Frun%2Fa.sock/db"),
        ];
        for (dsn, url) in pairs {
            assert!(is_dsn(dsn), "{dsn}");
            assert_eq!(to_url(dsn).unwrap(), url);
        }
        let said = to_url("me:secret@tcp(host/db").unwrap_err().to_string();
        assert!(said.contains("not closed") && !said.contains("secret"), "{said}");
    }
}
