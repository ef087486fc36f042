//! Servers on a disk of their own, which a test fills up under them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Place, Server, binary};

/// A server whose data directory is a file system of its own, of this size.
pub(crate) fn confined(place: &Place, size: &str, fill: bool, args: &[&str]) -> Command {
    fs::create_dir_all(place.data_dir()).unwrap();
    let script = place.path().join("confined.sh");
    let mut file = fs::File::create(&script).unwrap();
    let fill = if fill { "cat /dev/zero >\"$1\"/filler 2>/dev/null;" } else { "" };
    writeln!(file, "#!/bin/sh\nmount -t tmpfs -o size={size} tmpfs \"$1\" && {{ {fill} :; }}")
        .unwrap();
    writeln!(file, "shift; exec \"$@\"").unwrap();
    drop(file);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let serve = place.serve_command(args);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount"]).arg(script).arg(place.data_dir());
    command.arg(binary()).args(serve.get_args()).current_dir(place.path());
    command
}

/// The same, running.
pub(crate) fn confined_server(place: &Place, size: &str, args: &[&str]) -> Server {
    Server::start(confined(place, size, false, args), &place.path().join("log"))
}

/// Takes all the room that is left; the file to remove for there to be some again.
pub(crate) fn fill_up(server: &Server, place: &Place) -> PathBuf {
    // The server's own view of its file system.
    let inside = format!("/proc/{}/root{}", server.pid(), place.data_dir().display());
    let filler = Path::new(&inside).join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    while file.write_all(&[0]).is_ok() {}
    filler
}
