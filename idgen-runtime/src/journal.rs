//! What this node has seen a store grant, so that a store that goes back is noticed.
//!
//! For every sequence and id space the journal keeps a [`Mark`]: the store's identity, the highest
//! serial and the highest id granted to this node. A store that later answers with less has
//! forgotten what it called durable: it was restored from a copy, emptied, or replaced. Then the
//! sequence is frozen until an operator thaws it above every mark. A thaw begins a new generation
//! of marks, which overrides the old ones.
//!
//! Lines are appended, one a lease or renewal, and survive the death of the process; the files of a
//! directory are merged and folded into one at start, and the one is folded again when it has
//! grown. A machine that loses power may lose the newest lines: the guard then sees less, which
//! freezes nothing.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::background::lock;

/// The most that one store granted of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counts thaws; a higher one overrides.
    pub(crate) generation: u64,
    /// The identity of the store.
    pub(crate) store: String,
    /// The highest serial seen.
    pub(crate) serial: u64,
    /// The highest id seen.
    pub(crate) end: u64,
}

impl Mark {
    /// Takes over what `other` knows beyond this mark.
    fn merge(&mut self, other: &Self) {
        if other.generation > self.generation {
            *self = other.clone();
        } else if other.generation == self.generation {
            if other.store == self.store {
                self.serial = self.serial.max(other.serial);
            } else if other.end >= self.end {
                self.store.clone_from(&other.store);
                self.serial = other.serial;
            }
            self.end = self.end.max(other.end);
        }
    }
}

/// What a mark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Sequence,
    /// The part of a sequence that one store of a set leases.
    Part,
    Space,
    /// That the registry of an id space went back; it counts until the space is thawed.
    Freeze,
    /// From when on nothing counts any more that the registry of an id space may have forgotten.
    Clear,
    /// From when on the leases of an id space begin, whatever its registry says.
    Begin,
}

impl Kind {
    const fn letter(self) -> &'static str {
        match self {
            Self::Sequence => "s",
            Self::Part => "p",
            Self::Space => "w",
            Self::Freeze => "f",
            Self::Clear => "c",
            Self::Begin => "b",
        }
    }

    fn of(letter: &str) -> Option<Self> {
        use Kind::{Begin, Clear, Freeze, Part, Sequence, Space};
        let all = [Sequence, Part, Space, Freeze, Clear, Begin];
        all.into_iter().find(|kind| kind.letter() == letter)
    }
}

type Marks = HashMap<(Kind, String), Mark>;

/// The marks of one node, in memory and, with a state directory, in a file.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    marks: Marks,
    file: Option<File>,
    bytes: usize,
    /// The last line may stand there in part: the next one must not be joined to it.
    torn: bool,
    /// At this size the file is folded.
    most_bytes: usize,
}

const FILE: &str = "journal";
/// A file shorter than this is not folded: about 40,000 leases.
const LEAST_FOLD_BYTES: usize = 4 << 20;

impl Journal {
    /// Reads and folds the journals of `dir`; without one the marks live as long as the process.
    pub(crate) fn open(dir: Option<&Path>) -> io::Result<Self> {
        let Some(dir) = dir else {
            return Ok(Self { dir: None, state: Mutex::new(State::default()) });
        };
        // What a thaw leaves after this look is neither read nor removed.
        let old = journals(dir)?;
        let mut state = State { marks: read(&old)?, ..State::default() };
        state.fold(dir)?;
        for path in old.into_iter().filter(|path| !path.ends_with(FILE)) {
            std::fs::remove_file(path)?;
        }
        Ok(Self { dir: Some(dir.to_owned()), state: Mutex::new(state) })
    }

    /// Whether the marks outlive the process.
    pub(crate) fn is_kept(&self) -> bool {
        self.dir.is_some()
    }

    /// What was last seen of a name; all zeros if nothing was.
    pub(crate) fn mark(&self, kind: Kind, name: &str) -> Mark {
        lock(&self.state).marks.get(&(kind, name.to_owned())).cloned().unwrap_or_default()
    }

    /// Remembers a grant, before its first id is issued.
    pub(crate) fn record(&self, kind: Kind, name: &str, mark: &Mark) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.marks.entry((kind, name.to_owned())).or_default().merge(mark);
        let Some(dir) = &self.dir else { return Ok(()) };
        if state.torn {
            return state.fold(dir);
        }
        let line = line(kind, name, mark);
        if let Some(file) = &mut state.file
            && let Err(error) = file.write_all(line.as_bytes())
        {
            state.torn = true;
            return Err(error);
        }
        state.bytes += line.len();
        if state.bytes > state.most_bytes { state.fold(dir) } else { Ok(()) }
    }

    /// Looks for marks that other processes (a thaw on the command line) have left.
    pub(crate) fn refresh(&self) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let found = read_all(dir)?;
        let mut state = lock(&self.state);
        for (key, mark) in found {
            state.marks.entry(key).or_default().merge(&mark);
        }
        Ok(())
    }

    /// Makes the file durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match &lock(&self.state).file {
            Some(file) => file.sync_all(),
            None => Ok(()),
        }
    }
}

impl State {
    /// Writes all marks into one new file, and goes on in that.
    fn fold(&mut self, dir: &Path) -> io::Result<()> {
        let next = dir.join("next-journal");
        let lines: String =
            self.marks.iter().map(|((kind, name), mark)| line(*kind, name, mark)).collect();
        let mut file = File::create(&next)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&next, dir.join(FILE))?;
        sync_names(dir)?;
        self.file = Some(file);
        self.torn = false;
        self.bytes = lines.len();
        self.most_bytes = LEAST_FOLD_BYTES.max(2 * lines.len());
        Ok(())
    }
}

/// Leaves marks of one name beside a running process, in a file of its own.
pub(crate) fn leave(dir: &Path, name: &str, marks: &[(Kind, &Mark)]) -> io::Result<()> {
    let path = dir.join(format!("{FILE}-{}", std::process::id()));
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let lines: String = marks.iter().map(|(kind, mark)| line(*kind, name, mark)).collect();
    // Another process of that number may have left a line torn by a full disk.
    file.write_all(format!("\n{lines}").as_bytes())?;
    file.sync_all()?;
    sync_names(dir)
}

/// Makes the names in a directory durable; where directories cannot be opened they are at once.
fn sync_names(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// The mark of one name in the journals of `dir`.
pub(crate) fn look_up(dir: &Path, kind: Kind, name: &str) -> io::Result<Mark> {
    Ok(read_all(dir)?.remove(&(kind, name.to_owned())).unwrap_or_default())
}

fn journals(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let of_process =
            name.strip_prefix("journal-").is_some_and(|pid| pid.parse::<u32>().is_ok());
        if name == FILE || of_process {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn read_all(dir: &Path) -> io::Result<Marks> {
    if dir.exists() { read(&journals(dir)?) } else { Ok(Marks::new()) }
}

fn read(paths: &[PathBuf]) -> io::Result<Marks> {
    let mut marks = Marks::new();
    for path in paths {
        let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
        // The last line may be torn by a death in mid-write: then it recorded a lease of which no
        // id was issued.
        for (key, mark) in text.lines().filter_map(parse) {
            marks.entry(key).or_default().merge(&mark);
        }
    }
    Ok(marks)
}

fn line(kind: Kind, name: &str, mark: &Mark) -> String {
    let body = format!(
        "{} {} {} {} {} {}",
        kind.letter(),
        hex(name),
        hex(&mark.store),
        mark.generation,
        mark.serial,
        mark.end
    );
    format!("{body} {}\n", check(&body))
}

fn parse(line: &str) -> Option<((Kind, String), Mark)> {
    let (body, sum) = line.rsplit_once(' ')?;
    if sum.parse() != Ok(check(body)) {
        return None;
    }
    let mut words = body.split(' ');
    let kind = Kind::of(words.next()?)?;
    let name = unhex(words.next()?)?;
    let store = unhex(words.next()?)?;
    let mut number = || words.next()?.parse().ok();
    let mark = Mark { generation: number()?, store, serial: number()?, end: number()? };
    Some(((kind, name), mark))
}

/// FNV-1a in 64 bits (Fowler, Noll, Vo): enough to tell a torn line from a whole one.
pub(crate) fn check(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn hex(text: &str) -> String {
    // An empty word would vanish between two blanks.
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("x{digits}")
}

fn unhex(word: &str) -> Option<String> {
    let digits = word.strip_prefix('x')?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(generation: u64, store: &str, serial: u64, end: u64) -> Mark {
        Mark { generation, store: store.into(), serial, end }
    }

    #[test]
    fn remembers_over_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let name = "a name\nwith\0everything \u{e9}";
        let journal = Journal::open(Some(dir.path())).unwrap();
        journal.record(Kind::Sequence, name, &mark(0, "one", 5, 500)).unwrap();
        journal.record(Kind::Sequence, name, &mark(0, "one", 4, 900)).unwrap();
        journal.record(Kind::Space, name, &mark(0, "one", 1, 0)).unwrap();
        journal.sync().unwrap();
        drop(journal);
        let journal = Journal::open(Some(dir.path())).unwrap();
        assert_eq!(journal.mark(Kind::Sequence, name), mark(0, "one", 5, 900));
        assert_eq!(journal.mark(Kind::Space, name).serial, 1);
        assert_eq!(journal.mark(Kind::Sequence, "other"), Mark::default());
    }

    #[test]
    fn a_thaw_beside_the_process_overrides() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(Some(dir.path())).unwrap();
        journal.record(Kind::Sequence, "a", &mark(0, "one", 50, 900)).unwrap();
        leave(dir.path(), "a", &[(Kind::Sequence, &mark(1, "one", 3, 1000))]).unwrap();
        journal.refresh().unwrap();
        assert_eq!(journal.mark(Kind::Sequence, "a"), mark(1, "one", 3, 1000));
        drop(journal);
        let journal = Journal::open(Some(dir.path())).unwrap();
        assert_eq!(journal.mark(Kind::Sequence, "a"), mark(1, "one", 3, 1000));
        assert_eq!(journals(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_journal_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(Some(dir.path())).unwrap();
        for serial in 1..=120_000 {
            journal.record(Kind::Sequence, "a", &mark(0, "one", serial, serial)).unwrap();
        }
        let bytes = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
        assert!(bytes <= 4 << 20, "{bytes}");
        drop(journal);
        let journal = Journal::open(Some(dir.path())).unwrap();
        assert_eq!(journal.mark(Kind::Sequence, "a"), mark(0, "one", 120_000, 120_000));
    }

    #[test]
    fn what_could_not_be_written_spoils_nothing_that_follows() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(Some(dir.path())).unwrap();
        let read_only = File::open(dir.path().join(FILE)).unwrap();
        lock(&journal.state).file = Some(read_only);
        journal.record(Kind::Space, "a", &mark(0, "one", 5, 500)).unwrap_err();
        // As a full disk leaves it.
        let mut torn = OpenOptions::new().append(true).open(dir.path().join(FILE)).unwrap();
        torn.write_all(b"w x61 x6f").unwrap();
        journal.record(Kind::Freeze, "a", &mark(0, "one", 5, 500)).unwrap();
        journal.record(Kind::Freeze, "b", &mark(0, "one", 6, 600)).unwrap();
        drop(journal);
        let journal = Journal::open(Some(dir.path())).unwrap();
        assert_eq!(journal.mark(Kind::Space, "a"), mark(0, "one", 5, 500));
        assert_eq!(journal.mark(Kind::Freeze, "a"), mark(0, "one", 5, 500));
        assert_eq!(journal.mark(Kind::Freeze, "b"), mark(0, "one", 6, 600));
    }

    #[test]
    fn a_torn_line_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let whole = line(Kind::Sequence, "a", &mark(0, "one", 5, 500));
        let torn = &line(Kind::Sequence, "a", &mark(0, "one", 6, 6000))[..20];
        std::fs::write(dir.path().join(FILE), format!("{whole}{torn}")).unwrap();
        let journal = Journal::open(Some(dir.path())).unwrap();
        assert_eq!(journal.mark(Kind::Sequence, "a"), mark(0, "one", 5, 500));
    }
}
