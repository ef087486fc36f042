//! The keys of idpot's configuration file.

use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::gcfg::{self, Variable};
use crate::failure::Failure;
use crate::serving::address;

/// What the file says; what it does not say is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) listen: Option<String>,
    pub(super) log_file: Option<String>,
    pub(super) log_link_name: Option<String>,
    connect_string: Option<String>,
    hostname: Option<String>,
    port: Option<String>,
    username: Option<String>,
    password: Option<String>,
    dbname: Option<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or says what the original's does not. No value is quoted: it may be a
    /// password.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let wrong =
            |why: String| Failure::usage(format!("configuration {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            wrong(format!("{error}; see that the path is right and the file readable"))
        })?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let variables = gcfg::parse(text)
            .map_err(|flaw| format!("line {}: {}; mend it", flaw.line, flaw.what))?;
        let mut config = Self::default();
        for Variable { line, section, name, value } in variables {
            let Some(slot) = config.slot(&section, &name) else {
                return Err(format!(
                    "line {line}: there is no '{name}' in a section '{section}'; the keys are \
                     Listen, LogFile, LogLinkName of [Server] and ConnectString, Hostname, Port, \
                     Username, Password, Dbname of [Mysql]"
                ));
            };
            let value = value.ok_or_else(|| {
                format!("line {line}: '{name}' has no value; write {name} = VALUE")
            })?;
            // As in the original, what is empty is as good as absent.
            *slot = Some(value).filter(|value| !value.is_empty());
        }
        Ok(config)
    }

    fn slot(&mut self, section: &str, name: &str) -> Option<&mut Option<String>> {
        Some(match (section, name) {
            ("server", "listen") => &mut self.listen,
            ("server", "logfile") => &mut self.log_file,
            ("server", "loglinkname") => &mut self.log_link_name,
            ("mysql", "connectstring") => &mut self.connect_string,
            ("mysql", "hostname") => &mut self.hostname,
            ("mysql", "port") => &mut self.port,
            ("mysql", "username") => &mut self.username,
            ("mysql", "password") => &mut self.password,
            ("mysql", "dbname") => &mut self.dbname,
            _ => return None,
        })
    }

    /// The address of the database, in Go's form or as a URL.
    pub(super) fn database(&self) -> Result<String, Failure> {
        if let Some(whole) = &self.connect_string {
            return Ok(whole.clone());
        }
        let port = self.port.as_deref().map_or(Ok(PORT), port)?;
        let encoded = |text: &Option<String>, usual| {
            let text = text.as_deref().unwrap_or(usual);
            utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
        };
        let user = encoded(&self.username, "root");
        let password = encoded(&self.password, "");
        let at = address(self.hostname.as_deref().unwrap_or("127.0.0.1"), port);
        Ok(format!("mysql://{user}:{password}@{at}/{}", encoded(&self.dbname, "idpot")))
    }
}

/// MySQL's usual port.
const PORT: u16 = 3306;

/// A port as gcfg reads numbers: in decimal, or in hexadecimal behind 0x. 0 is the usual one.
fn port(text: &str) -> Result<u16, Failure> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(0) => Ok(PORT),
        Ok(port) => Ok(port),
        Err(_) => Err(Failure::usage(format!(
            "Port of [Mysql] is a number from 1 to 65535, not '{}'; write one",
            text.escape_debug()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_taken() {
        let text = "[Server]\nListen = 127.0.0.1:80\nLogFile = /l/access-%Y\nLogLinkName = /l/a\n\
                    [Mysql]\nHostname = db\nPort = 0x0CEB\nUsername = me\nPassword = \"p#/w\"\n\
                    Dbname = pots";
        let config = Config::parse(text).unwrap();
        let server = [&config.listen, &config.log_file, &config.log_link_name];
        let server = server.map(|value| value.as_deref().unwrap());
        assert_eq!(server, ["127.0.0.1:80", "/l/access-%Y", "/l/a"]);
        assert_eq!(config.database().unwrap(), "mysql://me:p%23%2Fw@db:3307/pots");
        let whole = Config::parse(&format!("{text}\nConnectString = u:p@tcp(h:1)/d")).unwrap();
        assert_eq!(whole.database().unwrap(), "u:p@tcp(h:1)/d");
    }

    #[test]
    fn what_is_missing_is_as_the_original_has_it() {
        for text in ["", "[mysql]\nPort=0\nUsername=\n"] {
            let config = Config::parse(text).unwrap();
            assert_eq!(config.database().unwrap(), "mysql://root:@127.0.0.1:3306/idpot");
            assert!(config.listen.is_none());
        }
    }

    #[test]
    fn what_is_not_known_is_refused_without_values() {
        for (text, said) in [
            ("[Server]\nPort = hush", "line 2: there is no 'port' in a section 'server'"),
            ("[mysql \"a\"]\nPort = hush", "in a section 'mysql.a'"),
            ("[Mysql]\nPassword", "line 2: 'password' has no value"),
            ("[Mysql]\nPassword = \"hush", "not closed"),
        ] {
            let refused = Config::parse(text).unwrap_err();
            assert!(refused.contains(said) && !refused.contains("hush"), "{refused}");
        }
        for bad in ["-1", "65536", "x", "0xx"] {
            let config = Config::parse(&format!("[Mysql]\nPort = {bad}")).unwrap();
            assert!(config.database().unwrap_err().line().contains("1 to 65535"), "{bad}");
        }
    }
}
