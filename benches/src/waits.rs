//! How long a thread was ready to run and had no processor, as the kernel counts it.

use std::fs::File;

/// The present thread's counter; reads 0 for ever where the system keeps none.
#[derive(Debug)]
pub struct Waits(Option<File>);

impl Waits {
    /// The counter of the thread that calls this.
    ///
    /// On Linux with `CONFIG_SCHED_INFO`; elsewhere no pair is ever seen to be disturbed.
    pub fn of_this_thread() -> Self {
        Self(File::open("/proc/thread-self/schedstat").ok())
    }

    /// Nanoseconds spent waiting since the thread began.
    pub fn nanos(&self) -> u64 {
        let mut text = [0; 96];
        let read = self.0.as_ref().and_then(|file| read_start(file, &mut text).ok());
        read.and_then(|len| second_number(&text[..len])).unwrap_or(0)
    }
}

#[cfg(unix)]
fn read_start(file: &File, text: &mut [u8]) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, text, 0)
}

#[cfg(not(unix))]
fn read_start(_file: &File, _text: &mut [u8]) -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// `time on a processor, time waiting for one, turns`.
fn second_number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_second_number() {
        assert_eq!(second_number(b"408705 317716 2\n"), Some(317_716));
        assert_eq!(second_number(b"408705"), None);
        assert_eq!(second_number(b"1 x 2"), None);
    }

    #[test]
    fn waiting_only_adds_up() {
        let waits = Waits::of_this_thread();
        let before = waits.nanos();
        std::thread::yield_now();
        assert!(waits.nanos() >= before);
    }
}
