//! The file of what was written: commands in the order in which they ran.
//!
//! What one command, script or transaction wrote is one entry, an array of commands that are arrays
//! themselves: it is there as a whole or not at all. An entry whose end is missing was never
//! answered, and is cut off. A script is not in it, only what it called.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::resp::{self, Words};

pub(crate) struct Log {
    file: File,
    /// Whether something was added that is not yet on disk.
    unsynced: bool,
}

impl Log {
    /// Opens the file, and returns what was written to it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Vec<Words>>), Error> {
        let options = File::options().create(true).read(true).write(true).truncate(false).clone();
        let mut file = options.open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (mut entries, mut at) = (Vec::new(), 0);
        let damaged = |what| Error::new(ErrorKind::InvalidData, what);
        while let Some((words, len)) = resp::decode(&bytes[at..]).map_err(damaged)? {
            let commands = words.iter().map(|bytes| match resp::decode(bytes) {
                Ok(Some((words, _))) => Ok(words),
                _ => Err(damaged("an entry holds something else than commands")),
            });
            entries.push(commands.collect::<Result<_, Error>>()?);
            at += len;
        }
        let end = u64::try_from(at).expect("a file in memory is shorter than 2^64");
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.sync_all()?;
        Ok((Self { file, unsynced: false }, entries))
    }

    pub(crate) fn add(&mut self, commands: &[Words]) -> Result<(), Error> {
        self.unsynced = true;
        let commands: Words = commands.iter().map(|words| resp::encode(words)).collect();
        self.file.write_all(&resp::encode(&commands))
    }

    /// Waits until all that was added is on disk.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.unsynced) { self.file.sync_data() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_is_there_and_half_an_entry_is_not() {
        let path = std::env::temp_dir().join(format!("summitdb-log-{}", std::process::id()));
        let entry = vec![vec![b"SET".to_vec(), b"a".to_vec(), b"1".to_vec()]; 2];
        let (mut log, found) = Log::open(&path).unwrap();
        assert!(found.is_empty());
        log.add(&entry).unwrap();
        log.sync().unwrap();
        log.file.write_all(b"*3\r\n$3\r\nSET\r\n$1").unwrap();
        let (mut log, found) = Log::open(&path).unwrap();
        assert_eq!(found.concat(), entry);
        log.add(&entry).unwrap();
        drop(log);
        assert_eq!(Log::open(&path).unwrap().1.len(), 2);
        std::fs::remove_file(&path).unwrap();
    }
}
