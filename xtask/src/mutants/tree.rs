//! The copy of the project that defects are planted in, and how its tests are built and run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::list::{Kind, Mutant, Target};
use crate::suite::{self, Tally};

/// How a run of tests ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// So many tests passed.
    Passed(usize),
    /// The names of the tests that failed, or how the program died.
    Failed(String),
    Hung,
}

/// A copy of the project.
pub(super) struct Tree {
    folder: PathBuf,
    build: PathBuf,
    output: PathBuf,
}

impl Tree {
    /// Copies what git knows of, or would: changes that are not committed count. Files that are as
    /// they were stay untouched, so that an earlier run's builds are good.
    pub(super) fn copy(root: &Path) -> Result<Self, String> {
        let mutants = suite::target_dir().join("mutants");
        let tree = Self {
            folder: mutants.join("tree"),
            build: mutants.join("build"),
            output: mutants.join("output.txt"),
        };
        let files = names(root)?;
        for file in &files {
            let text =
                std::fs::read(root.join(file)).map_err(|error| format!("{file}: {error}"))?;
            tree.write(file, &text)?;
        }
        tree.remove_all_but(&files)?;
        Ok(tree)
    }

    /// Writes a file, unless it holds just that.
    fn write(&self, file: &str, text: &[u8]) -> Result<(), String> {
        let path = self.folder.join(file);
        if std::fs::read(&path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("cannot write {}: {error}; see its rights", path.display()))
    }

    /// What an earlier copy had, or its tests have left, would be taken for part of the project.
    fn remove_all_but(&self, files: &[String]) -> Result<(), String> {
        let mut folders = vec![self.folder.clone()];
        let told = |error: std::io::Error| format!("{}: {error}", self.folder.display());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).map_err(told)? {
                let path = entry.map_err(told)?.path();
                let own = path.strip_prefix(&self.folder).unwrap_or(&path).to_string_lossy();
                if path.is_dir() {
                    folders.push(path);
                } else if files.binary_search(&own.into_owned()).is_err() {
                    std::fs::remove_file(path).map_err(told)?;
                }
            }
        }
        Ok(())
    }

    /// Does something with a defect planted, and takes the defect out again.
    pub(super) fn with<T>(
        &self,
        mutant: &Mutant,
        something: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let path = self.folder.join(&mutant.file);
        let whole = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        self.write(&mutant.file, mutant.applied(&whole)?.as_bytes())?;
        let done = something();
        self.write(&mutant.file, whole.as_bytes())?;
        done
    }

    /// Builds a test program and tells where it is.
    pub(super) fn build(&self, target: &Target) -> Result<PathBuf, String> {
        let mut command = suite::cargo(&["test", "--no-run", "--color=never"]);
        command.current_dir(self.folder.join(&target.package));
        match target.name.as_str() {
            "lib" => command.arg("--lib"),
            name => command.args(["--test", name]),
        };
        command.args(["--features", &target.features]).arg("--target-dir").arg(&self.build);
        if target.kind == Kind::Loom {
            let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
            command.env("RUSTFLAGS", format!("{flags} --cfg idgen_loom").trim_start());
            // The models' time is the checker's.
            command.args(["--config", "profile.test.package.loom.opt-level=3"]);
        }
        let output = command.output().map_err(|error| format!("cargo does not start: {error}"))?;
        let told = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("it does not build:\n{told}"));
        }
        executable(&told).ok_or_else(|| format!("cargo names no program:\n{told}"))
    }

    /// Runs the tests of these whole names, or all.
    pub(super) fn test(
        &self,
        program: &Path,
        target: &Target,
        filters: &[&str],
        patience: Duration,
    ) -> Result<Ending, String> {
        let told = |error: std::io::Error| format!("{}: {error}", program.display());
        let output = File::create(&self.output).map_err(told)?;
        let mut command = Command::new(program);
        command.args(filters).current_dir(self.folder.join(&target.package));
        if !filters.is_empty() {
            command.arg("--exact");
        }
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
        let mut child = command.spawn().map_err(told)?;
        let Some(status) = wait(&mut child, patience).map_err(told)? else {
            return Ok(Ending::Hung);
        };
        let output = std::fs::read(&self.output).map_err(told)?;
        Ok(ending(status, &String::from_utf8_lossy(&output)))
    }
}

/// Files that git knows of or would take up, sorted; not those that were removed.
fn names(root: &Path) -> Result<Vec<String>, String> {
    let mut command = Command::new("git");
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = command.current_dir(root).output();
    let output = output.map_err(|error| format!("git does not start: {error}; install it"))?;
    if !output.status.success() {
        return Err(format!("git names no files: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut names: Vec<String> = names.split_terminator('\0').map(str::to_owned).collect();
    names.retain(|name| root.join(name).is_file());
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The program that cargo says it has built: `  Executable tests/a.rs (/target/debug/deps/a-1)`.
fn executable(told: &str) -> Option<PathBuf> {
    let line = told.lines().find(|line| line.trim_start().starts_with("Executable "))?;
    let (_, path) = line.strip_suffix(')')?.rsplit_once(" (")?;
    Some(PathBuf::from(path))
}

/// The end of a process; none if it had to be killed.
fn wait(child: &mut Child, patience: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ending(status: ExitStatus, output: &str) -> Ending {
    if status.success() {
        let passed = output.lines().map(|line| Tally::of_line(line).passed).sum::<u64>();
        return Ending::Passed(usize::try_from(passed).unwrap_or(usize::MAX));
    }
    let failed =
        |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_owned());
    let failed: Vec<String> = output.lines().filter_map(failed).collect();
    if failed.is_empty() {
        return Ending::Failed(format!("the end of the whole program ({status})"));
    }
    Ending::Failed(failed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).spawn().unwrap()
    }

    fn end_of(script: &str, output: &str) -> Ending {
        let status = wait(&mut shell(script), Duration::from_secs(60)).unwrap().unwrap();
        ending(status, output)
    }

    #[test]
    fn what_failed_is_named() {
        let output = "test a::b ... ok\ntest a::c ... FAILED\ntest result: FAILED. 1 passed;";
        assert_eq!(end_of("exit 101", output), Ending::Failed("a::c".to_owned()));
        let Ending::Failed(how) = end_of("kill -9 $$", "test a::b ... ok\n") else {
            panic!("not failed");
        };
        assert!(how.contains("signal: 9"), "{how}");
        let output = "test a ... ok\n\ntest result: ok. 3 passed; 0 failed; 0 ignored\n";
        assert_eq!(end_of("true", output), Ending::Passed(3));
    }

    #[test]
    fn what_does_not_end_is_killed() {
        assert!(wait(&mut shell("exec sleep 60"), Duration::from_millis(20)).unwrap().is_none());
    }

    #[test]
    fn cargo_names_the_program() {
        let told = "   Compiling a\n  Executable tests/loom.rs (/t/debug/deps/loom-1f)\n";
        assert_eq!(executable(told), Some("/t/debug/deps/loom-1f".into()));
        assert_eq!(executable("    Finished"), None);
    }
}
