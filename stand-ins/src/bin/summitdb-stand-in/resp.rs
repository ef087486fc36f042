//! Commands and replies as bytes: RESP version 2, and commands as plain lines.

use std::fmt::Write as _;

/// Words of a command, any bytes.
pub(crate) type Words = Vec<Vec<u8>>;

/// What a command is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A word of state.
    Status(String),
    /// A code and what it means.
    Error(String),
    /// A number.
    Number(i64),
    /// Bytes; `None` for nothing.
    Bulk(Option<Vec<u8>>),
    /// Several.
    Array(Vec<Reply>),
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Self::Status("OK".to_owned())
    }

    pub(crate) const fn nil() -> Self {
        Self::Bulk(None)
    }

    pub(crate) fn text(text: &str) -> Self {
        Self::Bulk(Some(text.as_bytes().to_vec()))
    }

    pub(crate) fn error(what: &str) -> Self {
        Self::Error(what.to_owned())
    }

    /// Adds its bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Status(text) => out.extend_from_slice(format!("+{text}\r\n").as_bytes()),
            Self::Error(text) => {
                let line = text.lines().next().unwrap_or_default();
                out.extend_from_slice(format!("-{line}\r\n").as_bytes());
            }
            Self::Number(number) => out.extend_from_slice(format!(":{number}\r\n").as_bytes()),
            Self::Bulk(None) => out.extend_from_slice(b"$-1\r\n"),
            Self::Bulk(Some(bytes)) => write_bulk(bytes, out),
            Self::Array(parts) => {
                out.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
                for part in parts {
                    part.write(out);
                }
            }
        }
    }
}

fn write_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A command as an array of its words.
pub(crate) fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut head = String::new();
    write!(head, "*{}\r\n", words.len()).expect("a String takes what is written to it");
    let mut out = head.into_bytes();
    for word in words {
        write_bulk(word, &mut out);
    }
    out
}

/// The first command of `bytes` and how many of them it takes; `None` if its end is missing.
///
/// # Errors
///
/// What is not as the protocol has it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Words, usize)>, &'static str> {
    let mut input = Input { bytes, at: 0 };
    if bytes.first() != Some(&b'*') {
        let Some(line) = input.line() else { return Ok(None) };
        let words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        return Ok(Some((words.map(<[u8]>::to_vec).collect(), input.at)));
    }
    let Some(count) = input.number(b'*')? else { return Ok(None) };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(len) = input.number(b'$')? else { return Ok(None) };
        let Some(word) = input.bytes.get(input.at..input.at + len) else { return Ok(None) };
        let Some(end) = input.bytes.get(input.at + len..input.at + len + 2) else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err("a word is longer than it says");
        }
        words.push(word.to_vec());
        input.at += len + 2;
    }
    Ok(Some((words, input.at)))
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    /// A line without its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += len + 1;
        Some(rest[..len].strip_suffix(b"\r").unwrap_or(&rest[..len]))
    }

    /// A line of a mark and a number; a command is no longer than what a test sends.
    fn number(&mut self, mark: u8) -> Result<Option<usize>, &'static str> {
        let Some(line) = self.line() else { return Ok(None) };
        let digits = line.strip_prefix(&[mark]).and_then(|text| std::str::from_utf8(text).ok());
        let number = digits.and_then(|text| text.parse().ok()).filter(|number| *number < 1 << 24);
        number.map(Some).ok_or("a length is no number below 2^24")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words {
        text.split('|').map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn commands_come_as_arrays_and_as_lines() {
        let sent = encode(&words("SET|a b|\r\n"));
        assert_eq!(decode(&sent), Ok(Some((words("SET|a b|\r\n"), sent.len()))));
        for end in 0..sent.len() {
            assert_eq!(decode(&sent[..end]), Ok(None), "{end} bytes");
        }
        assert_eq!(decode(b"GET  a\r\nGET"), Ok(Some((words("GET|a"), 8))));
        assert!(decode(b"*1\r\n$1\r\nab\r\n").is_err() && decode(b"*x\r\n").is_err());
    }

    #[test]
    fn replies_are_written_as_the_protocol_has_them() {
        let parts = vec![Reply::ok(), Reply::Number(-2), Reply::nil(), Reply::text("a")];
        let mut out = Vec::new();
        Reply::Array(parts).write(&mut out);
        Reply::error("TRY 127.0.0.1:1").write(&mut out);
        assert_eq!(out, b"*4\r\n+OK\r\n:-2\r\n$-1\r\n$1\r\na\r\n-TRY 127.0.0.1:1\r\n");
    }
}
