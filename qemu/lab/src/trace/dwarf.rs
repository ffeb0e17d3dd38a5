// SPDX-License-Identifier: GPL-2.0
//! The module's functions and what the compiler inlined into them, from its debug information; its calls, and its
//! branches of static keys, from what the linker and the kernel are told of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{ensure, Context, Result};
use gimli::{AttributeValue, UnitOffset};
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, SectionKind};

use super::places::{Kind, Place, Places, Source};

type Slice<'a> = gimli::EndianSlice<'a, gimli::RunTimeEndian>;
type Unit<'a> = gimli::Unit<Slice<'a>>;
type Entry<'a, 'u, 't> = gimli::EntriesTreeNode<'u, 'u, 't, Slice<'a>>;

/// Reads the debug information of `module`, whose sources are below `top`.
pub fn read(module: &Path, top: &Path) -> Result<Places> {
    // A module is relocated when it is loaded; the linker does the same for its debug information.
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let linked = dir.path().join("module");
    let out = Command::new("ld.lld")
        .args(["-e", "0", "--noinhibit-exec", "--emit-relocs"])
        .args(["--unresolved-symbols=ignore-all", "-o"])
        .args([&linked, module])
        .output()
        .context("cannot run ld.lld")?;
    let told = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "cannot link the module:\n{told}");
    let bytes = fs::read(&linked)?;
    parse(&bytes, top)
}

fn parse(bytes: &[u8], top: &Path) -> Result<Places> {
    let elf = object::File::parse(bytes).context("the module is no ELF file")?;
    let section = |id: gimli::SectionId| -> Result<&[u8]> {
        let data = elf.section_by_name(id.name()).map(|s| s.data());
        Ok(data.transpose()?.unwrap_or(&[]))
    };
    let sections = gimli::DwarfSections::load(section)?;
    let dwarf = sections.borrow(|data| gimli::EndianSlice::new(data, gimli::RunTimeEndian::Little));
    let symbols = elf
        .symbols()
        .filter(|s| s.kind() == object::SymbolKind::Text)
        .filter_map(|s| Some((s.address(), s.name().ok()?)))
        .filter(|s| !s.1.starts_with("__pfx_"))
        .collect();
    let mut walk = Walk {
        dwarf: &dwarf,
        symbols,
        top,
        places: Places::default(),
    };
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        let mut tree = unit.entries_tree(None)?;
        let root = tree.root()?;
        let language = root.entry().attr_value(gimli::DW_AT_language)?;
        // C's functions have a place for ftrace.
        if language == Some(AttributeValue::Language(gimli::DW_LANG_Rust)) {
            walk.children(&unit, root, None, &[])?;
        }
    }
    let symbols = walk.symbols.iter().map(|(at, name)| (*at, *name)).collect();
    let mut places = walk.places;
    calls(&elf, &mut places, &symbols)?;
    branches(&elf, &mut places, &symbols)?;
    Ok(places)
}

/// Adds the places where another function is called: what it is called from is not always what began last.
fn calls(elf: &object::File<'_>, places: &mut Places, symbols: &BTreeMap<u64, &str>) -> Result<()> {
    for section in elf.sections().filter(|s| s.kind() == SectionKind::Text) {
        let (begin, text) = (section.address(), section.data()?);
        for (at, relocation) in section.relocations() {
            let RelocationFlags::Elf { r_type } = relocation.flags() else {
                continue;
            };
            let at = match (elf.architecture(), r_type) {
                (object::Architecture::Aarch64, object::elf::R_AARCH64_CALL26) => at,
                (object::Architecture::X86_64, object::elf::R_X86_64_PLT32) => at.wrapping_sub(1),
                _ => continue,
            };
            let opcode = text.get(at.wrapping_sub(begin) as usize);
            let is_call =
                elf.architecture() == object::Architecture::Aarch64 || opcode == Some(&0xe8);
            if is_call {
                places.add_at(Kind::Call, at, symbols);
            }
        }
    }
    Ok(())
}

/// Adds the branches of the jump table: each of its entries has where the branch is and where it leads, as distances
/// from there, and its key.
fn branches(
    elf: &object::File<'_>,
    places: &mut Places,
    symbols: &BTreeMap<u64, &str>,
) -> Result<()> {
    let Some(table) = elf.section_by_name("__jump_table") else {
        return Ok(());
    };
    for (index, entry) in table.data()?.chunks_exact(16).enumerate() {
        let from = table.address() + 16 * index as u64;
        let distance = i32::from_le_bytes([entry[0], entry[1], entry[2], entry[3]]);
        places.add_at(
            Kind::Branch,
            from.wrapping_add_signed(distance.into()),
            symbols,
        );
    }
    Ok(())
}

struct Walk<'a, 'd> {
    dwarf: &'d gimli::Dwarf<Slice<'a>>,
    symbols: HashMap<u64, &'a str>,
    top: &'d Path,
    places: Places,
}

impl<'a> Walk<'a, '_> {
    /// Goes through what is in `node`: inside of `function`, its symbol and address, and of inlined ones.
    fn children(
        &mut self,
        unit: &Unit<'a>,
        node: Entry<'a, '_, '_>,
        function: Option<(&'a str, u64)>,
        chain: &[usize],
    ) -> Result<()> {
        let mut children = node.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            let (mut function, mut chain) = (function, Cow::Borrowed(chain));
            let mut ranges = self.dwarf.die_ranges(unit, entry)?;
            let mut parts = Vec::new();
            while let Some(range) = ranges.next()? {
                parts.push((range.begin, range.end));
            }
            let begin = parts.iter().map(|part| part.0).min();
            match (entry.tag(), begin) {
                (gimli::DW_TAG_subprogram, Some(begin)) => {
                    function = self.symbols.get(&begin).map(|symbol| (*symbol, begin));
                    chain = Cow::Borrowed(&[]);
                    if let Some(function) = function {
                        self.place(unit, entry.offset(), function, begin, &parts, &chain)?;
                    }
                }
                (gimli::DW_TAG_inlined_subroutine, Some(begin)) => {
                    if let Some(function) = function {
                        let new =
                            self.place(unit, entry.offset(), function, begin, &parts, &chain)?;
                        chain.to_mut().extend(new);
                    }
                }
                _ => {}
            }
            self.children(unit, child, function, &chain)?;
        }
        Ok(())
    }

    /// Adds a place, and returns its number, unless its source is not the module's own.
    fn place(
        &mut self,
        unit: &Unit<'a>,
        at: UnitOffset,
        function: (&str, u64),
        begin: u64,
        parts: &[(u64, u64)],
        outer: &[usize],
    ) -> Result<Option<usize>> {
        let (symbol, address) = function;
        let inlined = begin != address || !self.is_function(unit, at)?;
        let Some(source) = self.source(unit, at)? else {
            return Ok(None);
        };
        let own = source.file.starts_with("src/");
        // Functions are all watched: one of the core library can be between two of the module.
        if inlined && !own {
            return Ok(None);
        }
        let number = self.places.list.len();
        let mut chain = outer.to_vec();
        if inlined {
            chain.push(number);
        }
        let from = |address: u64, part: u64| part.wrapping_sub(address);
        let kinds = [Kind::Function, Kind::Inlined];
        self.places.list.push(Place {
            kind: kinds[usize::from(inlined)],
            symbol: symbol.to_string(),
            offset: begin - address,
            source,
            chain,
            ranges: parts
                .iter()
                .map(|p| (from(address, p.0), from(address, p.1)))
                .collect(),
        });
        Ok(Some(number))
    }

    fn is_function(&self, unit: &Unit<'a>, at: UnitOffset) -> Result<bool> {
        Ok(unit.entry(at)?.tag() == gimli::DW_TAG_subprogram)
    }

    /// Name, file and line, wherever the entries that this one refers to have them.
    fn source(&self, unit: &Unit<'a>, at: UnitOffset) -> Result<Option<Source>> {
        let (mut name, mut file, mut line) = (None, None, None);
        let mut next = Some(at);
        while let Some(offset) = next {
            let entry = unit.entry(offset)?;
            if name.is_none() {
                name = self.name(unit, &entry)?;
            }
            if let Some(AttributeValue::FileIndex(index)) =
                entry.attr_value(gimli::DW_AT_decl_file)?
            {
                file = file.or(self.file(unit, index)?);
            }
            line = line.or(entry
                .attr(gimli::DW_AT_decl_line)?
                .and_then(|line| line.udata_value()));
            next = None;
            for refers in [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification] {
                match entry.attr_value(refers)? {
                    Some(AttributeValue::UnitRef(offset)) => next = Some(offset),
                    Some(AttributeValue::DebugInfoRef(offset)) => {
                        next = offset.to_unit_offset(&unit.header)
                    }
                    _ => {}
                }
            }
        }
        let Some(name) = name else { return Ok(None) };
        Ok(Some(Source {
            name,
            file: file.unwrap_or_default(),
            line: line.unwrap_or(0),
        }))
    }

    fn name(
        &self,
        unit: &Unit<'a>,
        entry: &gimli::DebuggingInformationEntry<'_, '_, Slice<'a>>,
    ) -> Result<Option<String>> {
        for attribute in [gimli::DW_AT_linkage_name, gimli::DW_AT_name] {
            if let Some(value) = entry.attr_value(attribute)? {
                let text = self.dwarf.attr_string(unit, value)?;
                let text = text.to_string_lossy();
                let name = format!("{:#}", rustc_demangle::demangle(&text));
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn file(&self, unit: &Unit<'a>, index: u64) -> Result<Option<String>> {
        let Some(program) = &unit.line_program else {
            return Ok(None);
        };
        let header = program.header();
        let Some(file) = header.file(index) else {
            return Ok(None);
        };
        let name = self.dwarf.attr_string(unit, file.path_name())?;
        let mut path = name.to_string_lossy().into_owned();
        if let Some(directory) = file.directory(header) {
            let directory = self.dwarf.attr_string(unit, directory)?;
            let directory = directory.to_string_lossy();
            path = Path::new(&*directory).join(path).display().to_string();
        }
        let own = Path::new(&path).strip_prefix(self.top).ok();
        Ok(Some(own.map_or(path.clone(), |p| p.display().to_string())))
    }
}
