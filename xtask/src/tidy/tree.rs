//! The project's files: what git tracks, or what lies there when git is not at hand.

use std::path::Path;
use std::process::Command;

/// One text file.
pub(super) struct Source {
    /// From the workspace's folder, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether all of the file is test code, by its place.
    pub(super) fn is_test(&self) -> bool {
        let path = &self.path;
        path.ends_with("/tests.rs")
            || ["tests", "benches", "examples", "fuzz"]
                .iter()
                .any(|folder| path.split('/').rev().skip(1).any(|part| part == *folder))
    }

    /// The folder of the crate the file belongs to; empty for files of the workspace itself.
    pub(super) fn crate_folder(&self) -> &str {
        self.path.split_once('/').map_or("", |(folder, _)| folder)
    }

    /// Lines with their numbers, counted from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// All files a rule may look at.
pub(super) struct Tree {
    pub(super) files: Vec<Source>,
}

impl Tree {
    /// Reads the project.
    pub(super) fn of_project() -> Result<Self, String> {
        let root = crate::root();
        let mut paths = tracked(root).map_or_else(|| walked(root), Ok)?;
        paths.sort_unstable();
        let mut files = Vec::new();
        for path in paths {
            match std::fs::read(root.join(&path)) {
                // Binary files are nobody's business here.
                Ok(bytes) => {
                    files.extend(String::from_utf8(bytes).ok().map(|text| Source { path, text }))
                }
                // Tracked, and deleted in the work tree.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("cannot read {path}: {error}; see its rights")),
            }
        }
        Ok(Self { files })
    }

    /// A project made up of these files.
    #[cfg(test)]
    pub(super) fn planted(files: &[(&str, &str)]) -> Self {
        let source =
            |&(path, text): &(&str, &str)| Source { path: path.to_owned(), text: text.to_owned() };
        Self { files: files.iter().map(source).collect() }
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.files.iter().filter(|file| file.is_rust())
    }

    pub(super) fn get(&self, path: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output().ok()?;
    let names = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> =
        names.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

/// Every file below `root` but those of build folders and git's own.
fn walked(root: &Path) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let here = root.join(&folder);
        let failed = |error| format!("cannot list {}: {error}; see its rights", here.display());
        for entry in std::fs::read_dir(&here).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match entry.file_type().map_err(failed)? {
                kind if kind.is_dir() && !matches!(&*name, "target" | ".git") => folders.push(path),
                kind if kind.is_file() => paths.push(path),
                _ => {}
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_finds_what_git_tracks() {
        let walked = walked(crate::root()).unwrap();
        for path in ["Cargo.toml", "xtask/src/tidy/tree.rs", ".cargo/config.toml"] {
            assert!(walked.iter().any(|found| found == path), "{path}");
        }
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
    }

    #[test]
    fn tests_are_known_by_their_place() {
        let is_test = |path: &str| Tree::planted(&[(path, "")]).files[0].is_test();
        assert!(is_test("idgen-core/tests/a.rs") && is_test("a/src/b/tests.rs"));
        assert!(is_test("benches/src/main.rs") && is_test("a/src/tests/b.rs"));
        assert!(!is_test("a/src/b.rs") && !is_test("a/src/tests_of.rs"));
    }
}
