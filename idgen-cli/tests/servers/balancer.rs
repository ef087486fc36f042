//! Balancers in front of servers: programs that listen on a port of their own until dropped.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A balancer; ended when dropped.
pub(crate) struct Balancer {
    child: Child,
}

impl Balancer {
    /// nginx in this folder, with these parts of its configuration behind the general one.
    pub(crate) fn nginx(dir: &Path, head: &str, parts: &str, listens: &[SocketAddr]) -> Self {
        let dir = dir.display();
        let text = format!(
            "{head}daemon off; worker_processes 1; pid {dir}/nginx.pid;\n\
             error_log {dir}/error.log;\n\
             events {{ worker_connections 256; }}\n{parts}"
        );
        let config = format!("{dir}/nginx.conf");
        fs::write(&config, text).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", &dir.to_string(), "-e", "error.log", "-c", &config]);
        Self::start(command, "nginx is there: install the package nginx-light", listens)
    }

    /// haproxy in this folder, with this configuration.
    pub(crate) fn haproxy(dir: &Path, text: &str, listens: &[SocketAddr]) -> Self {
        let config = dir.join("haproxy.cfg");
        fs::write(&config, text).unwrap();
        let mut command = Command::new("haproxy");
        // In the foreground and silent.
        command.args(["-db", "-q", "-f"]).arg(config);
        Self::start(command, "haproxy is there: install the package haproxy", listens)
    }

    fn start(mut command: Command, needed: &str, listens: &[SocketAddr]) -> Self {
        let balancer = Self { child: command.stdin(Stdio::null()).spawn().expect(needed) };
        let until = Instant::now() + Duration::from_secs(10);
        for addr in listens {
            while TcpStream::connect(addr).is_err() {
                assert!(Instant::now() < until, "{command:?} does not listen on {addr}");
                thread::sleep(Duration::from_millis(20));
            }
        }
        balancer
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // nginx's worker ends when the master is gone; SIGTERM lets the master see to that.
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ended = kill_process(pid, Signal::TERM);
        }
        let _reaped = self.child.wait();
    }
}
