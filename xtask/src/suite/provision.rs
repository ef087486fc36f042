//! What the checks need beside cargo itself: installed when that is possible, named otherwise.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// A command that succeeds when the tool is there.
    pub(crate) probe: &'static [&'static str],
    /// Commands that install it, in order.
    pub(crate) install: &'static [&'static [&'static str]],
    pub(crate) needs_root: bool,
}

pub(crate) const APT_UPDATE: &[&str] = &["apt-get", "update", "-q"];

/// Compiles a file that needs the definitions; `/dev/stdin` would lie beside its search path.
const PROTOC: &str = "folder=$(mktemp -d) && trap 'rm -r \"$folder\"' EXIT && cd \"$folder\" && \
    echo 'syntax = \"proto3\"; import \"google/protobuf/descriptor.proto\";' >a.proto && \
    protoc --descriptor_set_out=a a.proto 2>/dev/null";

const TOOLS: &[Tool] = &[
    Tool {
        name: "a C compiler (package build-essential)",
        probe: &["cc", "--version"],
        install: &[
            APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "build-essential"],
        ],
        needs_root: true,
    },
    Tool {
        name: "git",
        probe: &["git", "--version"],
        install: &[APT_UPDATE, &["apt-get", "install", "-qy", "--no-install-recommends", "git"]],
        needs_root: true,
    },
    Tool {
        name: "libfaketime (package faketime)",
        probe: &["faketime", "--version"],
        install: &[
            APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "faketime"],
        ],
        needs_root: true,
    },
    Tool {
        name: "protoc with its definitions (packages protobuf-compiler and libprotobuf-dev)",
        // The driver of etcd is made with it.
        probe: &["sh", "-c", PROTOC],
        install: &[
            APT_UPDATE,
            &[
                "apt-get",
                "install",
                "-qy",
                "--no-install-recommends",
                "protobuf-compiler",
                "libprotobuf-dev",
            ],
        ],
        needs_root: true,
    },
    Tool {
        name: "nginx (package nginx-light)",
        probe: &["nginx", "-v"],
        install: &[
            APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "nginx-light"],
        ],
        needs_root: true,
    },
    Tool {
        name: "nginx's module stream (package libnginx-mod-stream)",
        probe: &["test", "-e", "/usr/lib/nginx/modules/ngx_stream_module.so"],
        install: &[
            APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "libnginx-mod-stream"],
        ],
        needs_root: true,
    },
    Tool {
        name: "haproxy",
        probe: &["haproxy", "-v"],
        install: &[
            APT_UPDATE,
            &["apt-get", "install", "-qy", "--no-install-recommends", "haproxy"],
        ],
        needs_root: true,
    },
    Tool {
        name: "rustfmt",
        probe: &["cargo", "fmt", "--version"],
        install: &[&["rustup", "component", "add", "rustfmt"]],
        needs_root: false,
    },
    Tool {
        name: "clippy",
        probe: &["cargo", "clippy", "--version"],
        install: &[&["rustup", "component", "add", "clippy"]],
        needs_root: false,
    },
];

/// Installs what is missing.
///
/// # Errors
///
/// The names of the tools that are still missing, with the commands that would install them.
pub(super) fn tools() -> Result<(), String> {
    missing(TOOLS, is_root())
}

/// Installs those that are missing, as [`tools`] does for its own.
pub(crate) fn missing(tools: &[Tool], is_root: bool) -> Result<(), String> {
    let mut missing = Vec::new();
    for tool in tools.iter().filter(|tool| !succeeds(tool.probe)) {
        let may_install = is_root || !tool.needs_root;
        if may_install
            && tool.install.iter().all(|command| succeeds(command))
            && succeeds(tool.probe)
        {
            continue;
        }
        let commands: Vec<String> = tool.install.iter().map(|words| words.join(" ")).collect();
        missing.push(format!("{} is missing; run `{}`", tool.name, commands.join(" && ")));
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
}

fn succeeds(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.status().is_ok_and(|status| status.success())
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: Tool = Tool {
        name: "a tool",
        probe: &["no-such-program-of-idgen"],
        install: &[&["true"]],
        needs_root: true,
    };

    #[test]
    fn what_is_there_is_not_installed() {
        let there = Tool { probe: &["true"], install: &[&["false"]], ..ABSENT };
        assert_eq!(missing(&[there], true), Ok(()));
    }

    #[test]
    fn what_stays_missing_is_named_with_its_remedy() {
        for is_root in [false, true] {
            let named = missing(&[ABSENT], is_root).unwrap_err();
            assert_eq!(named, "a tool is missing; run `true`");
        }
    }
}
