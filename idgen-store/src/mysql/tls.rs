//! What an address says of encryption, in the words of MySQL's own clients (`ssl-mode`, `ssl-ca`)
//! or of Go's driver (`tls`).

use mysql_async::SslOpts;

use crate::url::StoreUrl;
use crate::{StoreError, tls};

/// How a connection is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    Off,
    /// If the server offers it, whosever certificate that is.
    Preferred,
    /// Whosever certificate the server shows.
    Unchecked,
    /// The server is who it says.
    Checked,
}

impl Tls {
    /// Takes the options of `url`.
    pub(super) fn take(
        url: &mut StoreUrl,
        place: &str,
    ) -> Result<(Self, Option<SslOpts>), StoreError> {
        let (mode, go) = (url.take("ssl-mode"), url.take("tls"));
        let file = url.take("ssl-ca");
        let refused = |what: String| StoreError::Refused(format!("{place}: {what}"));
        let asked = match (&mode, &go) {
            (Some(_), Some(_)) => {
                return Err(refused("ssl-mode and tls say the same; write one of them".to_owned()));
            }
            (Some(mode), None) => Self::of_mode(mode).map_err(refused)?,
            (None, Some(go)) => Self::of_go(go).map_err(refused)?,
            (None, None) => Self::Off,
        };
        if file.is_some() && asked != Self::Checked {
            return Err(refused(
                "ssl-ca names who is trusted, and this ssl-mode trusts everybody; write \
                 ssl-mode=VERIFY_IDENTITY"
                    .to_owned(),
            ));
        }
        let is_socket = url.hosts.iter().any(|at| at.host.starts_with('/'));
        if is_socket && matches!(asked, Self::Unchecked | Self::Checked) {
            return Err(refused(
                "a socket is not encrypted; name a host, or leave ssl-mode and tls out".to_owned(),
            ));
        }
        tls::provide();
        let options = match asked {
            Self::Off => None,
            Self::Preferred | Self::Unchecked => {
                Some(SslOpts::default().with_danger_accept_invalid_certs(true))
            }
            Self::Checked => Some(checked(place, file.as_deref())?),
        };
        Ok((asked, options))
    }

    fn of_mode(mode: &str) -> Result<Self, String> {
        match mode.to_ascii_uppercase().replace('-', "_").as_str() {
            "DISABLED" => Ok(Self::Off),
            "PREFERRED" => Ok(Self::Preferred),
            "REQUIRED" => Ok(Self::Unchecked),
            "VERIFY_IDENTITY" => Ok(Self::Checked),
            "VERIFY_CA" => Err("ssl-mode=VERIFY_CA cannot be had, the driver checks the host's \
                                name with the certificate or neither; write \
                                ssl-mode=VERIFY_IDENTITY and a host name that stands in it"
                .to_owned()),
            _ => Err(format!(
                "ssl-mode is DISABLED, PREFERRED, REQUIRED or VERIFY_IDENTITY, not '{}'; write one \
                 of them",
                mode.escape_debug()
            )),
        }
    }

    fn of_go(word: &str) -> Result<Self, String> {
        match word {
            "false" => Ok(Self::Off),
            "preferred" => Ok(Self::Preferred),
            "skip-verify" => Ok(Self::Unchecked),
            "true" => Ok(Self::Checked),
            _ => Err(format!(
                "tls is true, false, skip-verify or preferred, not '{}', which only the Go program \
                 that registered it knows; write ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE",
                word.escape_debug()
            )),
        }
    }

    /// What an operator should know of it.
    pub(super) fn note(&self) -> Option<&'static str> {
        match self {
            Self::Off | Self::Checked => None,
            Self::Preferred => Some(
                "connections are encrypted only if the server offers it, and nobody checks whose \
                 certificate it shows; write ssl-mode=VERIFY_IDENTITY",
            ),
            Self::Unchecked => Some(
                "connections are encrypted, and nobody checks whose certificate the server shows; \
                 write ssl-mode=VERIFY_IDENTITY",
            ),
        }
    }
}

fn checked(place: &str, file: Option<&str>) -> Result<SslOpts, StoreError> {
    let known = tls::authorities(place, "ssl-ca", file)?;
    let known = known.iter().map(|one| one.to_vec().into()).collect();
    Ok(SslOpts::default().with_disable_built_in_roots(true).with_root_certs(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(place: &str) -> Result<Tls, String> {
        let mut url = StoreUrl::parse(&format!("mysql://{place}")).unwrap();
        let (tls, options) = Tls::take(&mut url, "here").map_err(|error| error.to_string())?;
        assert_eq!(options.is_some(), tls != Tls::Off);
        let is_checked = options.is_some_and(|options| !options.accept_invalid_certs());
        assert_eq!(is_checked, tls == Tls::Checked);
        Ok(tls)
    }

    #[test]
    fn both_vocabularies_are_understood() {
        assert_eq!(take("h/d"), Ok(Tls::Off));
        for (option, due) in [
            ("ssl-mode=disabled", Tls::Off),
            ("tls=false", Tls::Off),
            ("ssl-mode=PREFERRED", Tls::Preferred),
            ("tls=preferred", Tls::Preferred),
            ("ssl-mode=required", Tls::Unchecked),
            ("tls=skip-verify", Tls::Unchecked),
        ] {
            assert_eq!(take(&format!("h/d?{option}")), Ok(due), "{option}");
        }
        // Whether this host trusts anybody is its own affair.
        for option in ["ssl-mode=VERIFY-IDENTITY", "tls=true"] {
            let told = take(&format!("h/d?{option}"));
            let none_known = told.as_ref().is_err_and(|said| said.contains("this system lists no"));
            assert!(told == Ok(Tls::Checked) || none_known, "{told:?}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for (place, flaw) in [
            ("h/d?ssl-mode=VERIFY_CA", "VERIFY_CA cannot be had"),
            ("h/d?ssl-mode=on", "not 'on'"),
            ("h/d?tls=mine", "only the Go program"),
            ("h/d?tls=true&ssl-mode=REQUIRED", "write one of them"),
            ("h/d?ssl-mode=REQUIRED&ssl-ca=/ca.pem", "trusts everybody"),
            ("h/d?ssl-ca=/ca.pem", "trusts everybody"),
            ("h/d?ssl-mode=VERIFY_IDENTITY&ssl-ca=/no/such", "ssl-ca=/no/such"),
            ("%2Frun%2Fs.sock/d?ssl-mode=REQUIRED", "a socket is not encrypted"),
        ] {
            let said = take(place).unwrap_err();
            assert!(said.contains("here: ") && said.contains(flaw), "{place}: {said}");
        }
    }
}
