// SPDX-License-Identifier: GPL-2.0
//! Archives in the "newc" format that the kernel unpacks as its initramfs.
//!
//! The same files give the same bytes: owner root, time 0, modes reduced to whether a file may be
//! executed, entries sorted by path, inode numbers counted up.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{bail, Context, Result};

/// What one path of the archive holds.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Dir,
    File { data: Vec<u8>, executable: bool },
    Link(String),
}

/// A tree of files on its way into an initramfs. A later entry replaces an earlier one.
#[derive(Default)]
pub struct Archive {
    nodes: BTreeMap<String, Node>,
}

impl Archive {
    /// Adds a directory and the directories above it.
    pub fn dir(&mut self, path: &str) {
        let mut at = 0;
        while let Some(n) = path[at..].find('/') {
            self.parent(&path[..at + n]);
            at += n + 1;
        }
        self.parent(path);
    }

    fn parent(&mut self, path: &str) {
        if !path.is_empty() {
            self.nodes.entry(path.to_string()).or_insert(Node::Dir);
        }
    }

    fn put(&mut self, path: &str, node: Node) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.dir(parent);
        }
        self.nodes.insert(path.to_string(), node);
    }

    /// Adds a file with the content given.
    pub fn data(&mut self, path: &str, data: impl Into<Vec<u8>>, executable: bool) {
        let data = data.into();
        self.put(path, Node::File { data, executable });
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.put(path, Node::Link(target.to_string()));
    }

    /// Adds a copy of the host's file.
    pub fn file(&mut self, path: &str, from: &Path) -> Result<()> {
        let data = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        let mode = fs::metadata(from)?.permissions().mode();
        self.data(path, data, mode & 0o111 != 0);
        Ok(())
    }

    /// Adds everything below the host's directory `from` below `path` ("" is the guest's root).
    pub fn tree(&mut self, path: &str, from: &Path) -> Result<()> {
        let entries = fs::read_dir(from)
            .with_context(|| format!("cannot read directory {}", from.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                bail!("{}: the name is not UTF-8", entry.path().display());
            };
            let inner = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}/{name}")
            };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.dir(&inner);
                self.tree(&inner, &entry.path())?;
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path())?;
                self.link(&inner, &target.to_string_lossy());
            } else if kind.is_file() {
                self.file(&inner, &entry.path())?;
            } else {
                bail!(
                    "{}: only files, directories and links go into a guest",
                    entry.path().display()
                );
            }
        }
        Ok(())
    }

    /// The archive's bytes, with its trailer: several of them may follow each other in one initramfs.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (ino, (path, node)) in (1..).zip(&self.nodes) {
            let (mode, data): (u32, &[u8]) = match node {
                Node::Dir => (0o040755, &[]),
                Node::File {
                    data,
                    executable: true,
                } => (0o100755, data),
                Node::File {
                    data,
                    executable: false,
                } => (0o100644, data),
                Node::Link(target) => (0o120777, target.as_bytes()),
            };
            member(&mut out, ino, mode, path, data);
        }
        member(&mut out, 0, 0, "TRAILER!!!", &[]);
        out
    }
}

fn member(out: &mut Vec<u8>, ino: u32, mode: u32, path: &str, data: &[u8]) {
    let (uid, gid, links, time) = (0, 0, 1, 0);
    let (size, name_size) = (data.len(), path.len() + 1);
    let mut header =
        format!("070701{ino:08x}{mode:08x}{uid:08x}{gid:08x}{links:08x}{time:08x}{size:08x}");
    // Device numbers of the file system and of the node, the name's length, the check sum ("070702" only).
    header += &format!("{0:08x}{0:08x}{0:08x}{0:08x}{name_size:08x}{0:08x}", 0);
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(data);
    pad(out);
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn sample(order: &[usize]) -> Archive {
        let mut archive = Archive::default();
        for i in order {
            match i {
                0 => archive.data("bin/sh", "#!", true),
                1 => archive.data("etc/passwd", "root:x:0:0::/:/bin/sh\n", false),
                2 => archive.link("sbin/init", "/bin/sh"),
                _ => archive.dir("a/b/c"),
            }
        }
        archive
    }

    #[test]
    fn order_of_entries_does_not_matter() {
        assert_eq!(sample(&[0, 1, 2, 3]).bytes(), sample(&[3, 2, 1, 0]).bytes());
        assert_ne!(sample(&[0, 1, 2]).bytes(), sample(&[3, 2, 1, 0]).bytes());
    }

    #[test]
    fn a_directory_on_the_host_gives_the_same_bytes_whatever_its_times_and_modes() {
        let make = |mode: u32| {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("d")).unwrap();
            let file = dir.path().join("d/run");
            fs::write(&file, "x").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            std::os::unix::fs::symlink("run", dir.path().join("d/link")).unwrap();
            let mut archive = Archive::default();
            archive.tree("", dir.path()).unwrap();
            archive.bytes()
        };
        assert_eq!(make(0o755), make(0o700));
        assert_ne!(make(0o755), make(0o644));
    }

    /// cpio(1), where there is one, reads the archive as it was meant.
    #[test]
    fn cpio_lists_it() {
        let tool = Command::new("cpio")
            .args(["-t", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = tool else { return };
        child
            .stdin
            .take()
            .unwrap()
            .write_all(&sample(&[0, 1, 2, 3]).bytes())
            .unwrap();
        let list = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let expected = "a\na/b\na/b/c\nbin\nbin/sh\netc\netc/passwd\nsbin\nsbin/init\n";
        assert_eq!(list, expected);
    }
}
