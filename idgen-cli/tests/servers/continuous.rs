//! `idgen int -continuous`, watched while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any fail-over of these tests takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running tool; ended when dropped.
pub(crate) struct Continuous {
    child: Child,
    minted: Receiver<String>,
    told: Receiver<String>,
    /// What it has printed so far.
    pub(crate) all: Vec<u64>,
}

impl Continuous {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let minted = lines(child.stdout.take().unwrap());
        let told = lines(child.stderr.take().unwrap());
        Self { child, minted, told, all: Vec::new() }
    }

    /// Waits for so many integers more.
    pub(crate) fn mints(&mut self, count: usize) {
        for _ in 0..count {
            let line = self.minted.recv_timeout(PATIENCE).expect("it goes on minting");
            self.all.push(line.parse().unwrap());
        }
    }

    /// The next line on standard error that has these words.
    pub(crate) fn tells(&mut self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            // A full pipe would hold the tool back.
            self.all.extend(self.minted.try_iter().map(|line| line.parse::<u64>().unwrap()));
            match self.told.recv_timeout(Duration::from_millis(20)) {
                Ok(line) if line.contains(words) => return line,
                _ => assert!(Instant::now() < until, "'{words}' is not told"),
            }
        }
    }

    /// Ends it; every integer that it printed rose above the one before.
    pub(crate) fn end(mut self) -> Vec<u64> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.all.extend(self.minted.iter().map(|line| line.parse::<u64>().unwrap()));
        assert!(self.all.windows(2).all(|pair| pair[0] < pair[1]), "integers rise");
        std::mem::take(&mut self.all)
    }
}

impl Drop for Continuous {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The whole lines of a stream; one that was cut short is none.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).is_ok_and(|read| read > 0) && line.ends_with('\n') {
            if sender.send(line.trim_end().to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}
