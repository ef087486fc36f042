//! Where a door listens.

/// An address to listen on, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// This door stays shut.
    Off,
    /// `HOST:PORT`; port 0 takes a free one.
    At(String),
}

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let port = text.rsplit_once(':').and_then(|(host, port)| {
            (!host.is_empty()).then(|| port.parse::<u16>().ok()).flatten()
        });
        match port {
            Some(_) => Ok(Self::At(text.to_owned())),
            None => Err("write HOST:PORT, for example 127.0.0.1:8080, or off".to_owned()),
        }
    }
}

impl Listen {
    /// Whether the door stays shut.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_host_and_port() {
        assert_eq!("off".parse(), Ok(Listen::Off));
        for good in ["127.0.0.1:0", "[::1]:8080", "localhost:80"] {
            assert_eq!(good.parse(), Ok(Listen::At(good.to_owned())));
        }
        for bad in ["", "8080", ":8080", "host:", "host:65536", "OFF"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }
}
