// SPDX-License-Identifier: GPL-2.0
//! The program: where it is, and whether a library can be preloaded into it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many interpreters of interpreters are looked at.
const DEPTH: usize = 4;

/// The type of the program header that names the dynamic linker.
const PT_INTERP: u32 = 3;

/// The file that a name of a program stands for, as execvp(3) finds it.
pub fn find(name: &OsStr) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return path.exists().then_some(path);
    }
    let places = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let candidates = env::split_paths(&places).map(|place| place.join(name));
    let mut runnable = candidates.filter(|path| {
        fs::metadata(path)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    });
    runnable.next()
}

/// Whether the dynamic linker would preload anything into it; why not. A file that cannot be read is
/// taken for one that can be preloaded.
pub fn can_be_preloaded(path: &Path) -> Result<(), String> {
    let mut path = path.to_owned();
    for _ in 0..DEPTH {
        let Ok(mut file) = File::open(&path) else {
            return Ok(());
        };
        let mode = file.metadata().map_or(0, |meta| meta.permissions().mode());
        let mut start = [0; 256];
        let len = read(&mut file, &mut start);
        let start = &start[..len];
        if let Some(interpreter) = interpreter(start) {
            path = interpreter;
            continue;
        }
        if mode & 0o6000 != 0 {
            return Err("set-user-ID and set-group-ID programs are run without preloads".into());
        }
        return match linking(&mut file, start) {
            Some(Linking::Static) => Err("a static program makes its own system calls, and \
                                          nothing can be preloaded into it"
                .into()),
            Some(Linking::Foreign) => Err("built for another architecture than qsock-run".into()),
            Some(Linking::Dynamic) | None => Ok(()),
        };
    }
    Ok(())
}

/// Reads what there is of a buffer.
fn read(file: &mut File, buffer: &mut [u8]) -> usize {
    let mut len = 0;
    while let Ok(more @ 1..) = file.read(&mut buffer[len..]) {
        len += more;
    }
    len
}

/// What a script is run by.
fn interpreter(start: &[u8]) -> Option<PathBuf> {
    let line = start
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let first = Path::new(OsStr::from_bytes(words.next()?));
    if first.file_name() == Some(OsStr::new("env")) {
        // What env(1) looks for in its turn, if it is given no option.
        let name = words.next().filter(|word| !word.starts_with(b"-"));
        if let Some(found) = name.and_then(|name| find(OsStr::from_bytes(name))) {
            return Some(found);
        }
    }
    Some(first.to_owned())
}

#[derive(Debug, PartialEq)]
enum Linking {
    Dynamic,
    Static,
    Foreign,
}

/// How an ELF program is linked.
fn linking(file: &mut (impl Read + Seek), start: &[u8]) -> Option<Linking> {
    if !start.starts_with(b"\x7fELF") || start.len() < 64 {
        return None;
    }
    let half = |at: usize| u16::from_le_bytes([start[at], start[at + 1]]);
    let machine = match env::consts::ARCH {
        "x86_64" => 62,
        "aarch64" => 183,
        _ => half(18),
    };
    // 64 bits, little-endian.
    if start[4..6] != [2, 1] || half(18) != machine {
        return Some(Linking::Foreign);
    }
    let mut offset = [0; 8];
    offset.copy_from_slice(&start[32..40]);
    let (size, count) = (usize::from(half(54)), usize::from(half(56)));
    let mut headers = vec![0; size * count];
    file.seek(SeekFrom::Start(u64::from_le_bytes(offset)))
        .ok()?;
    file.read_exact(&mut headers).ok()?;
    let kinds = headers.chunks_exact(size.max(4)).map(|header| &header[..4]);
    let mut named = kinds.filter(|kind| **kind == PT_INTERP.to_le_bytes());
    Some(match named.next() {
        Some(_) => Linking::Dynamic,
        None => Linking::Static,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn elf(kind: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18] = if cfg!(target_arch = "aarch64") {
            183
        } else {
            62
        };
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file
    }

    #[test]
    fn static_programs_are_known() {
        let of = |file: Vec<u8>| linking(&mut Cursor::new(&file), &file);
        assert_eq!(of(elf(PT_INTERP)), Some(Linking::Dynamic));
        assert_eq!(of(elf(1)), Some(Linking::Static));
        let mut other = elf(PT_INTERP);
        other[4] = 1;
        assert_eq!(of(other), Some(Linking::Foreign));
        assert_eq!(of(b"#!/bin/sh".to_vec()), None);
    }

    #[test]
    fn scripts_name_who_runs_them() {
        let of = |text: &str| interpreter(text.as_bytes());
        assert_eq!(of("#!/bin/a b\nc"), Some("/bin/a".into()));
        assert_eq!(of("#! /bin/a"), Some("/bin/a".into()));
        assert_eq!(
            of("#!/usr/bin/env no-such-program\n"),
            Some("/usr/bin/env".into())
        );
        assert_eq!(of("text"), None);
        assert_eq!(of("#!"), None);
    }

    #[test]
    fn programs_are_found() {
        assert!(find(OsStr::new("sh")).is_some());
        assert!(find(OsStr::new("/nowhere/sh")).is_none());
        assert!(find(OsStr::new("no-such-program")).is_none());
    }
}
