//! Starts servers on free ports in a directory of their own, and tools beside them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take until it is ready.
const READY_WAIT: Duration = Duration::from_secs(30);

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    match std::env::var_os("IDGEN_BIN") {
        Some(path) => path.into(),
        None => env!("CARGO_BIN_EXE_idgen").into(),
    }
}

/// Whether the promised lengths are run.
pub(crate) fn full() -> bool {
    std::env::var_os("IDGEN_FULL").is_some_and(|value| value == "1")
}

/// Tests that load the machine take turns, or they would measure one another.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A directory with the data directory of a server in it.
pub(crate) struct Place {
    dir: TempDir,
    binary: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::of(binary())
    }

    /// A place where this binary runs.
    pub(crate) fn of(binary: PathBuf) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), binary }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn store_file(&self) -> PathBuf {
        self.data_dir().join("idgen.db")
    }

    /// A tool on this place's store.
    pub(crate) fn tool(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.output().unwrap()
    }

    /// What a tool prints; it must succeed.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = self.tool(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The binary with these arguments, in this directory, its store in `data`.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.current_dir(self.path()).args(args).env_remove("IDGEN_LOG").stdin(Stdio::null());
        if takes_a_place(args) {
            command.arg("--data-dir").arg(self.data_dir());
        }
        command
    }

    /// A server with default settings on free ports.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[], &[])
    }

    /// A server with more arguments and environment.
    pub(crate) fn serve_with(&self, args: &[&str], envs: &[(&str, &str)]) -> Server {
        let mut command = self.serve_command(args);
        command.envs(envs.iter().copied());
        Server::start(command, &self.path().join("log"))
    }

    /// A tool under its old name, in this directory.
    pub(crate) fn server_of(&self, args: &[&str]) -> Server {
        Server::start(self.command(args), &self.path().join("log"))
    }

    /// A file in this directory.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The binary under another name, in this directory.
    pub(crate) fn linked(&self, name: &str) -> Command {
        let link = self.path().join(name);
        std::os::unix::fs::symlink(&self.binary, &link).unwrap();
        let mut command = Command::new(link);
        command.current_dir(self.path()).env_remove("IDGEN_LOG").stdin(Stdio::null());
        command
    }

    /// `idgen serve` on free ports, not started.
    pub(crate) fn serve_command(&self, args: &[&str]) -> Command {
        let mut all = vec!["serve"];
        for door in ["--http", "--tcp", "--native", "--admin"] {
            if !args.contains(&door) {
                all.extend([door, "127.0.0.1:0"]);
            }
        }
        all.extend(args);
        self.command(&all)
    }
}

fn takes_a_place(args: &[&str]) -> bool {
    let commands = ["serve", "next", "snowflake", "sequence", "genid", "worker", "explain"];
    let command = args.iter().find(|arg| !arg.starts_with('-'));
    command.is_some_and(|name| commands.contains(name)) && !args.contains(&"--data-dir")
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    addrs: Vec<(String, SocketAddr)>,
}

/// A server that has not said yet that it is ready; killed when dropped.
pub(crate) struct Starting {
    server: Server,
    lines: mpsc::Receiver<String>,
}

impl Starting {
    pub(crate) fn new(mut command: Command, log: &Path) -> Self {
        let stderr = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _nobody_listens = sender.send(line);
            }
        });
        Self { server: Server { child, log: log.to_owned(), addrs: Vec::new() }, lines }
    }

    /// Waits for its ready line.
    pub(crate) fn ready(self) -> Server {
        self.ready_or_log().unwrap_or_else(|log| panic!("not ready: {log}"))
    }

    /// Waits for its ready line; without one its log is all there is.
    pub(crate) fn ready_or_log(mut self) -> Result<Server, String> {
        let until = Instant::now() + READY_WAIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { return Err(self.server.log()) };
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["ready"] => return Ok(self.server),
                ["listening", door, addr, ..] => {
                    self.server.addrs.push((door.to_owned(), addr.parse().unwrap()));
                }
                _ => panic!("an unknown line: {line}"),
            }
        }
    }
}

impl Server {
    /// Starts a server and waits for its ready line.
    pub(crate) fn start(command: Command, log: &Path) -> Self {
        Starting::new(command, log).ready()
    }

    /// Where a door of this name listens.
    pub(crate) fn addr(&self, door: &str) -> SocketAddr {
        self.has(door).unwrap()
    }

    /// Where a door of this name listens, if it is open.
    pub(crate) fn has(&self, door: &str) -> Option<SocketAddr> {
        self.addrs.iter().find(|(name, _)| name == door).map(|(_, addr)| *addr)
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.addr("http")
    }

    pub(crate) fn tcp(&self) -> SocketAddr {
        self.addr("tcp")
    }

    pub(crate) fn native(&self) -> SocketAddr {
        self.addr("native")
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.addr("admin")
    }

    pub(crate) fn artisanal_http(&self) -> SocketAddr {
        self.addr("artisanal-http")
    }

    pub(crate) fn artisanal_tcp(&self) -> SocketAddr {
        self.addr("artisanal-tcp")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// kill -9, at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, not waited for.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// How the process ended, within a time.
    pub(crate) fn wait(mut self, limit: Duration) -> ExitStatus {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("still running after {limit:?}: {}", self.log());
    }

    /// SIGTERM and a clean end.
    pub(crate) fn stop(self) {
        self.terminate();
        let log = self.log.clone();
        let status = self.wait(Duration::from_secs(8));
        assert!(status.success(), "{status}: {}", fs::read_to_string(log).unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Sorts ids and fails if one occurs twice.
pub(crate) fn assert_distinct(what: &str, ids: &mut [u64]) {
    ids.sort_unstable();
    let twice: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).take(5).collect();
    assert!(twice.is_empty(), "{what}: {} ids, repeated among them {twice:?}", ids.len());
}
