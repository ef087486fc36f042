//! Clients of the doors, as plain as the originals'.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// No answer may take longer.
const PATIENCE: Duration = Duration::from_secs(15);

/// One kept-alive HTTP connection.
pub(crate) struct Http {
    stream: TcpStream,
    received: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines of the head, without the status line.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, by its name as it is written.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The ids of a list.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let json = self.json();
        let ids = json["ids"].as_array().unwrap_or_else(|| panic!("no ids: {self:?}"));
        ids.iter().map(|id| id.as_str().unwrap().parse().unwrap()).collect()
    }

    /// Status and cause of a problem.
    pub(crate) fn cause(&self) -> (u16, String) {
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status);
        assert!(!json["detail"].as_str().unwrap().is_empty());
        (self.status, json["cause"].as_str().unwrap().to_owned())
    }
}

impl Http {
    pub(crate) fn connect(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: connect(addr)?, received: Vec::new() })
    }

    /// A request without a body.
    pub(crate) fn ask(&mut self, method: &str, path: &str) -> io::Result<Answer> {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n"))?;
        self.answer(method == "HEAD")
    }

    /// A request with a JSON body.
    pub(crate) fn ask_json(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))?;
        self.answer(false)
    }

    pub(crate) fn send(&mut self, bytes: &str) -> io::Result<()> {
        self.stream.write_all(bytes.as_bytes())
    }

    /// The next answer on the connection.
    pub(crate) fn answer(&mut self, bodiless: bool) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive()?;
        };
        let head = String::from_utf8(self.received[..end].to_vec()).map_err(io::Error::other)?;
        let mut lines = head.lines();
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status: {head}")))?;
        let head: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let mut answer = Answer { status, head, body: String::new() };
        let len = answer.header("Content-Length").and_then(|len| len.parse().ok()).unwrap_or(0);
        let len: usize = if bodiless { 0 } else { len };
        while self.received.len() < end + len {
            self.receive()?;
        }
        let body = self.received[end..end + len].to_vec();
        answer.body = String::from_utf8(body).map_err(io::Error::other)?;
        self.received.drain(..end + len);
        Ok(answer)
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        match read(&mut self.stream, &mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            len => {
                self.received.extend_from_slice(&bytes[..len]);
                Ok(())
            }
        }
    }

    /// Whether the connection ends with FIN, nothing unread before it.
    pub(crate) fn ends(&mut self) -> bool {
        self.received.is_empty() && matches!(read(&mut self.stream, &mut [0]), Ok(0))
    }

    /// One id of the idpool door.
    pub(crate) fn pool_id(&mut self) -> io::Result<u64> {
        let answer = self.ask("POST", "/api/v1/newID")?;
        let id = answer
            .body
            .strip_prefix("{\"id\":")
            .and_then(|rest| rest.strip_suffix(",\"status\":200}").and_then(|id| id.parse().ok()));
        id.ok_or_else(|| io::Error::other(format!("no id: {answer:?}")))
    }

    /// Ids of a path of the native API; a refusal is an error.
    pub(crate) fn ids(&mut self, path: &str) -> io::Result<Vec<u64>> {
        let answer = self.ask("POST", path)?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("refused: {answer:?}")));
        }
        Ok(answer.ids())
    }
}

/// One answer on a connection of its own.
pub(crate) fn once(addr: SocketAddr, method: &str, path: &str) -> Answer {
    Http::connect(addr).unwrap().ask(method, path).unwrap()
}

/// A form, with more lines in the head, on a connection of its own.
pub(crate) fn post_form(addr: SocketAddr, path: &str, form: &str, more: &str) -> Answer {
    let mut http = Http::connect(addr).unwrap();
    let kind = "application/x-www-form-urlencoded";
    http.send(&format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\
         \r\n{form}",
        form.len()
    ))
    .unwrap();
    http.answer(false).unwrap()
}

/// One GenID connection, written to the original's README: a reply is read with single calls.
pub(crate) struct GenId {
    pub(crate) stream: TcpStream,
}

impl GenId {
    pub(crate) fn connect(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: connect(addr)? })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// One `recv(LEN)`, which must bring all of it.
    pub(crate) fn recv<const LEN: usize>(&mut self) -> io::Result<[u8; LEN]> {
        let mut bytes = [0; LEN];
        match read(&mut self.stream, &mut bytes)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            len if len == LEN => Ok(bytes),
            len => Err(io::Error::other(format!("{len} of {LEN} bytes in one call"))),
        }
    }

    pub(crate) fn one(&mut self) -> io::Result<u64> {
        self.send(&[0, 0])?;
        Ok(u64::from_be_bytes(self.recv()?))
    }

    pub(crate) fn batch(&mut self, count: u8) -> io::Result<Vec<u64>> {
        self.send(&[1, count])?;
        self.batch_answer(count)
    }

    pub(crate) fn batch_answer(&mut self, count: u8) -> io::Result<Vec<u64>> {
        let [announced] = self.recv()?;
        assert_eq!(announced, count);
        (0..count).map(|_| Ok(u64::from_be_bytes(self.recv()?))).collect()
    }

    /// Whether the connection ends with FIN, nothing unread before it.
    pub(crate) fn ends(&mut self) -> bool {
        matches!(read(&mut self.stream, &mut [0]), Ok(0))
    }
}

/// One call, made again only if a signal cut it short.
fn read(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
