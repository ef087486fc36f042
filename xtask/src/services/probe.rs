//! Whether a server answers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A connection that says nothing for this long has said all.
const SILENCE: Duration = Duration::from_millis(500);

/// What a ready server does, and one that is not ready does not.
#[derive(Debug)]
pub(super) enum Probe {
    /// On the loopback address, it answers a line with something that contains a text.
    Says { port: u16, line: &'static str, answer: &'static str },
    /// A client's command succeeds.
    Serves(Vec<String>),
}

impl Probe {
    /// A Redis server or sentinel that takes commands.
    pub(super) fn pong(port: u16) -> Self {
        Self::Says { port, line: "PING", answer: "+PONG" }
    }

    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Says { port, line, answer } => asked(*port, line, answer).unwrap_or(false),
            Self::Serves(words) => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).stdin(Stdio::null());
                let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
                status.is_ok_and(|status| status.success())
            }
        }
    }
}

fn asked(port: u16, line: &str, answer: &str) -> std::io::Result<bool> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, SILENCE)?;
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    // Some send nothing more and keep the connection.
    stream.set_read_timeout(Some(SILENCE))?;
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    let deadline = Instant::now() + 2 * SILENCE;
    loop {
        let length = stream.read(&mut part).unwrap_or(0);
        said.extend_from_slice(&part[..length]);
        if String::from_utf8_lossy(&said).contains(answer) {
            return Ok(true);
        }
        if length == 0 || Instant::now() >= deadline {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server of one connection, which answers one line and leaves the connection open.
    fn probed(answer: &'static str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = [0; 6];
            stream.read_exact(&mut line).unwrap();
            assert_eq!(&line, b"PING\r\n");
            let (first, second) = answer.split_at(answer.len() / 2);
            stream.write_all(first.as_bytes()).unwrap();
            stream.write_all(second.as_bytes()).unwrap();
            // Until the other end has had enough.
            let _ = stream.read(&mut line);
        });
        let holds = Probe::pong(port).holds();
        server.join().unwrap();
        holds
    }

    #[test]
    fn an_answer_counts_and_no_other() {
        assert!(probed("+PONG\r\n"));
        assert!(!probed("-LOADING the dataset\r\n"));
        assert!(!probed(""));
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(!Probe::pong(port).holds());
        assert!(!Probe::Serves(vec!["no-such-program-of-idgen".to_owned()]).holds());
        assert!(!Probe::Serves(vec!["false".to_owned()]).holds());
        assert!(Probe::Serves(vec!["true".to_owned()]).holds());
    }
}
