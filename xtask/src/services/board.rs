//! The folder of the services: who holds it, what is written there, which ports are free.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalog::{self, ALL, Site, failed};
use super::state::{Record, State};
use crate::suite;

/// Held by one command at a time.
pub(super) struct Board {
    home: PathBuf,
    state: Mutex<State>,
    /// Unlocked when it is closed.
    _lock: File,
}

impl Board {
    /// Waits for other commands to finish.
    ///
    /// # Errors
    ///
    /// The folder cannot be written, or its state cannot be read.
    pub(super) fn open(home: PathBuf) -> Result<Self, String> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map_err(|error| format!("/proc tells of no start: {error}; services need Linux"))?;
        std::fs::create_dir_all(&home).map_err(|error| failed(&home, &error))?;
        let path = home.join("lock");
        let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
        let lock = lock.map_err(|error| failed(&path, &error))?;
        let state = State::read(&home.join("state.toml"), boot.trim())?;
        Ok(Self { home, state: Mutex::new(state), _lock: lock })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked left whole records: each is put there in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts each record in the place of the one with its name.
    pub(super) fn keep(&self, records: Vec<Record>) -> Result<(), String> {
        let mut state = self.state();
        for record in records {
            match state.records.iter_mut().find(|known| known.name == record.name) {
                Some(known) => *known = record,
                None => state.records.push(record),
            }
        }
        self.save(&state)
    }

    /// Forgets the processes of a service.
    pub(super) fn forget(&self, service: &str) -> Result<(), String> {
        let mut state = self.state();
        state.records.retain(|record| record.service != service);
        self.save(&state)
    }

    fn save(&self, state: &State) -> Result<(), String> {
        self.write("env", &self.environment(state))?;
        self.write("state.toml", &state.text())
    }

    /// Whoever reads the file sees the old text or the new one.
    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let (new, path) = (self.home.join(format!("{name}.new")), self.home.join(name));
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &path))
            .map_err(|error| failed(&path, &error))
    }

    /// What tests need to know, a variable a line.
    pub(super) fn environment(&self, state: &State) -> String {
        let mut lines = String::new();
        for service in ALL.iter().filter(|service| state.is_up(service.name())) {
            let site = Site::known(state.named(service.name()));
            let url = site.map(|site| service.url(&site)).unwrap_or_default();
            // A shell would end the line before the second option of a URL.
            let url = if url.contains('&') { format!("'{url}'") } else { url };
            lines.push_str(&format!("{}={url}\n", catalog::variable(service.name())));
        }
        if !lines.is_empty() {
            lines.push_str(&format!("IDGEN_TEST_XTASK={}\n", super::program()));
            let path = self.home.join("state.toml");
            lines.push_str(&format!("IDGEN_TEST_SERVICES={}\n", path.display()));
        }
        lines
    }

    pub(super) fn log(&self, process: &str) -> PathBuf {
        self.home.join(format!("{process}.log"))
    }

    /// The folder of all data: here, or a temporary one if the servers' user cannot get here.
    pub(super) fn data(&self) -> PathBuf {
        let open = |path: &Path| path.metadata().is_ok_and(|it| it.permissions().mode() & 1 == 1);
        if !suite::is_root() || self.home.ancestors().all(open) {
            return self.home.join("data");
        }
        let mut hasher = DefaultHasher::new();
        self.home.hash(&mut hasher);
        std::env::temp_dir().join(format!("idgen-services-{:016x}", hasher.finish()))
    }

    /// Removes all but the lock, which another command may be waiting for.
    ///
    /// # Errors
    ///
    /// Something cannot be removed.
    pub(super) fn clear(&self) -> Result<(), String> {
        catalog::remove(&self.data())?;
        for entry in std::fs::read_dir(&self.home).into_iter().flatten().flatten() {
            if entry.file_name() != "lock" {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
            }
        }
        self.state().records.clear();
        Ok(())
    }
}

/// Hands out ports that nobody listens on.
///
/// They lie below those that systems give to clients, so that no client of a killed server sits on
/// its port when it starts again.
pub(super) struct Ports {
    next: u16,
    taken: Vec<u16>,
}

const FIRST: u16 = 10_000;
const LAST: u16 = 31_999;

impl Ports {
    /// Any start will do; other commands of this moment should have another.
    pub(super) fn new(state: &State) -> Self {
        let mut hasher = DefaultHasher::new();
        (std::process::id(), std::time::SystemTime::now()).hash(&mut hasher);
        let spread = u16::try_from(hasher.finish() % u64::from(LAST - FIRST)).unwrap_or(0);
        let ports = |record: &Record| [record.port, record.peer_port];
        Self { next: FIRST + spread, taken: state.records.iter().flat_map(ports).collect() }
    }

    /// # Errors
    ///
    /// None is free.
    pub(super) fn take(&mut self) -> Result<u16, String> {
        for _ in FIRST..=LAST {
            let port = self.next;
            self.next = if port == LAST { FIRST } else { port + 1 };
            let is_free = || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            if !self.taken.contains(&port) && is_free() {
                self.taken.push(port);
                return Ok(port);
            }
        }
        Err(format!("no port of {FIRST} to {LAST} is free on 127.0.0.1; end what takes them"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::Identity;
    use super::*;

    fn home(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("idgen-board-{name}-{}", std::process::id()))
    }

    fn own(name: &str, port: u16) -> Record {
        Record {
            service: name.to_owned(),
            name: name.to_owned(),
            port,
            peer_port: port + 1,
            identity: Identity::of(std::process::id()),
            data: format!("/data/{name}/{name}").into(),
            log: "/log".into(),
            command: Vec::new(),
        }
    }

    #[test]
    fn the_next_command_finds_what_was_kept() {
        let home = home("kept");
        let board = Board::open(home.clone()).unwrap();
        board.keep(vec![own("etcd", 1), own("redis", 5)]).unwrap();
        board.keep(vec![own("etcd", 3)]).unwrap();
        drop(board);
        let board = Board::open(home.clone()).unwrap();
        assert_eq!(board.state().records, [own("etcd", 3), own("redis", 5)]);
        let text = std::fs::read_to_string(home.join("env")).unwrap();
        assert_eq!(text, board.environment(&board.state()));
        assert!(text.starts_with("IDGEN_TEST_REDIS_URL=redis://127.0.0.1:5\n"), "{text}");
        assert!(text.contains("\nIDGEN_TEST_ETCD_URL=etcd://127.0.0.1:3\n"), "{text}");
        board.forget("etcd").unwrap();
        board.keep(vec![Record { identity: None, ..own("redis", 5) }]).unwrap();
        assert_eq!(std::fs::read_to_string(home.join("env")).unwrap(), "", "none is up");
        board.clear().unwrap();
        assert!(board.state().records.is_empty() && !home.join("state.toml").exists());
        drop(board);
        std::fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn ports_are_free_and_never_given_twice() {
        let mut ports = Ports::new(&State::default());
        ports.next = LAST;
        let first = ports.take().unwrap();
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.next));
        let (skipped, second) = (ports.next, ports.take().unwrap());
        assert!((FIRST..=LAST).contains(&first) && (FIRST..LAST).contains(&second));
        assert!(held.is_err() || skipped != second, "somebody listens there");
        ports.next = second;
        assert_ne!(ports.take().unwrap(), second);
    }
}
