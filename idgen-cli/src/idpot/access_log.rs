//! idpot's log of accesses: Apache's combined form, one line a request.
//!
//! A thread of its own writes the lines, so that a slow disk never keeps an answer waiting. It has
//! room for many that are not written yet; what comes beyond that is counted and told in the
//! server's log. The file's name is a strftime pattern; whenever it comes to another name, that
//! file is opened and the link is moved to it. A file that cannot be opened leaves the one before
//! in use.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, mpsc::TrySendError};
use std::thread::{self, JoinHandle};

use idgen_server::{Access, AccessLog};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::failure::Failure;

/// How many lines may wait for the disk.
const ROOM: usize = 1 << 16;
/// The time of a request, as Apache writes it.
const TIME: &str = "%d/%b/%Y:%H:%M:%S %z";

/// A log that is being written.
pub(super) struct Written {
    log: Arc<Log>,
    writer: JoinHandle<()>,
}

/// The end that the doors have.
#[derive(Debug)]
struct Log {
    lines: SyncSender<Message>,
    /// Lines there was no room for, not told yet.
    lost: AtomicU64,
}

enum Message {
    Line(Timestamp, Access),
    Stop,
}

impl Written {
    /// Opens the log: files named by the pattern, with a link to the current one, or standard
    /// error.
    ///
    /// # Errors
    ///
    /// The pattern is none, or its file or the link cannot be made.
    pub(super) fn start(pattern: Option<&str>, link: Option<&Path>) -> Result<Self, Failure> {
        let target = match pattern {
            Some(pattern) => Target::Files(Files::open(pattern, link)?),
            None => Target::StandardError,
        };
        let (lines, receiver) = mpsc::sync_channel(ROOM);
        let log = Arc::new(Log { lines, lost: AtomicU64::new(0) });
        let writing = Writer { target, log: Arc::clone(&log), zone: TimeZone::system() };
        let writer = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writing.run(&receiver))
            .map_err(|error| Failure::refused(format!("cannot start the access log: {error}")))?;
        Ok(Self { log, writer })
    }

    /// What the doors tell their requests to.
    pub(super) fn log(&self) -> Arc<dyn AccessLog> {
        self.log.clone()
    }

    /// Writes what is left.
    pub(super) fn stop(self) {
        let stopped = self.log.lines.send(Message::Stop).is_ok() && self.writer.join().is_ok();
        if !stopped {
            tracing::error!("the access log's thread failed; please report this defect");
        }
    }
}

impl AccessLog for Log {
    fn record(&self, access: Access) {
        match self.lines.try_send(Message::Line(Timestamp::now(), access)) {
            Ok(()) => {}
            // Relaxed: only a count, read by the one who tells it.
            Err(TrySendError::Full(_)) => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
            // Stopped: the process is about to end.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }
}

struct Writer {
    target: Target,
    log: Arc<Log>,
    zone: TimeZone,
}

enum Target {
    StandardError,
    Files(Files),
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        let mut text = Vec::new();
        while let Ok(Message::Line(at, access)) = messages.recv() {
            self.line(&mut text, at, &access);
            // One write for all that has come meanwhile.
            let mut stopped = false;
            for message in messages.try_iter().take(ROOM) {
                match message {
                    Message::Line(at, access) => self.line(&mut text, at, &access),
                    Message::Stop => stopped = true,
                }
            }
            self.write(&mut text);
            self.tell_lost();
            if stopped {
                return;
            }
        }
    }

    fn line(&mut self, text: &mut Vec<u8>, at: Timestamp, access: &Access) {
        let at = at.to_zoned(self.zone.clone());
        if let Target::Files(files) = &self.target
            && files.is_over(&at)
        {
            self.write(text);
            self.rotate(&at);
        }
        text.extend_from_slice(combined(&at, access).as_bytes());
    }

    fn rotate(&mut self, at: &Zoned) {
        let Target::Files(files) = &mut self.target else { return };
        if let Err(error) = files.rotate(at) {
            tracing::warn!("access log: {error}; going on in {}", files.current.display());
        }
    }

    fn write(&mut self, text: &mut Vec<u8>) {
        let written = match &mut self.target {
            Target::StandardError => io::stderr().lock().write_all(text),
            Target::Files(files) => files.file.write_all(text),
        };
        if let Err(error) = written {
            tracing::warn!("access log: lines could not be written: {error}; see to the disk");
        }
        text.clear();
    }

    fn tell_lost(&self) {
        // Relaxed: as at the addition; no other memory hangs on it.
        let lost = self.log.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!("access log: {lost} lines are lost, the disk is too slow for them");
        }
    }
}

/// The files that a pattern names, one after the other.
struct Files {
    pattern: String,
    link: Option<PathBuf>,
    current: PathBuf,
    file: File,
    /// When the pattern was last asked for a name, in Unix seconds.
    asked_s: std::cell::Cell<i64>,
}

impl Files {
    fn open(pattern: &str, link: Option<&Path>) -> Result<Self, Failure> {
        let now = Zoned::now();
        let current = named(pattern, &now).map_err(|error| {
            Failure::usage(format!(
                "LogFile '{}' is no strftime pattern: {error}; write %% for a percent sign",
                pattern.escape_debug()
            ))
        })?;
        let unusable = |what: &str, path: &Path, error: io::Error| {
            Failure::usage(format!(
                "{what} {}: {error}; see that its directory is writable",
                path.display()
            ))
        };
        let file = append(&current).map_err(|error| unusable("LogFile", &current, error))?;
        if let Some(link) = link {
            point(link, &current).map_err(|error| unusable("LogLinkName", link, error))?;
        }
        let link = link.map(ToOwned::to_owned);
        let asked_s = std::cell::Cell::new(now.timestamp().as_second());
        Ok(Self { pattern: pattern.to_owned(), link, current, file, asked_s })
    }

    /// Whether a line of this time belongs to another file. No pattern knows less than seconds.
    fn is_over(&self, at: &Zoned) -> bool {
        let second = at.timestamp().as_second();
        // Lines of two threads may come in the wrong order; none goes back to an older file.
        if second <= self.asked_s.get() {
            return false;
        }
        self.asked_s.set(second);
        named(&self.pattern, at).is_ok_and(|name| name != self.current)
    }

    fn rotate(&mut self, at: &Zoned) -> Result<(), String> {
        let next = named(&self.pattern, at).map_err(|error| error.to_string())?;
        self.file = append(&next).map_err(|error| format!("{}: {error}", next.display()))?;
        self.current = next;
        match &self.link {
            Some(link) => point(link, &self.current)
                .map_err(|error| format!("link {}: {error}", link.display())),
            None => Ok(()),
        }
    }
}

fn named(pattern: &str, at: &Zoned) -> Result<PathBuf, jiff::Error> {
    strtime::format(pattern, at).map(PathBuf::from)
}

fn append(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    File::options().create(true).append(true).open(path)
}

/// Makes `link` a symbolic link to `file`, in one step for whoever reads it.
fn point(link: &Path, file: &Path) -> io::Result<()> {
    if link.symlink_metadata().is_ok_and(|found| !found.is_symlink()) {
        let why = "it is there and no symbolic link; remove it or choose another name";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let mut beside = link.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    std::os::unix::fs::symlink(std::path::absolute(file)?, &beside)?;
    fs::rename(&beside, link)
}

/// `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"` and a newline.
fn combined(at: &Zoned, access: &Access) -> String {
    let peer = access.peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string());
    let bytes = match access.bytes {
        0 => "-".to_owned(),
        bytes => bytes.to_string(),
    };
    let header = |value: &Option<Vec<u8>>| escaped(value.as_deref().unwrap_or(b"-"));
    format!(
        "{peer} - - [{}] \"{}\" {} {bytes} \"{}\" \"{}\"\n",
        at.strftime(TIME),
        escaped(access.line.as_bytes()),
        access.status,
        header(&access.referer),
        header(&access.user_agent),
    )
}

/// As Apache does it: nothing that a client sends ends a field or a line.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            b'\t' => text.push_str("\\t"),
            _ => write!(text, "\\x{byte:02x}").expect("a String takes all"),
        }
    }
    text
}
