//! What a library's file says of itself, before it is loaded.
//!
//! The system's loader maps a library by its program headers, and touches what it has mapped. Where the file is shorter than
//! they say, as after a copy that broke off, the kernel ends the process (SIGBUS) in the middle of that, and nobody is told why.
//! All else that can be wrong with a file the loader itself finds and says.
//!
//! Source: elf(5).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

const MAGIC: &[u8] = b"\x7fELF";
const HEADER_BYTES: usize = 64;
/// Of a program header.
const ENTRY_BYTES: usize = 56;
/// `ELFCLASS64` and `ELFDATA2LSB`.
const CLASS_AND_ORDER: [u8; 2] = [2, 1];
/// `PT_LOAD`
const LOADED: u32 = 1;
/// `EM_X86_64` and `EM_AARCH64`.
const MACHINE: u16 = if cfg!(target_arch = "x86_64") {
    62
} else {
    183
};

/// What the loader will make of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It takes it, or says why not.
    Told,
    /// It passes it over: it is for another kind of processor.
    PassedOver,
    /// It crashes.
    CutOff {
        /// The file has so many.
        bytes: u64,
        /// Its headers speak of so many at least.
        expected: u64,
    },
}

/// Looks at a file's headers.
///
/// # Errors
/// They can't be read, or are not all there.
pub(crate) fn outlook(file: &File) -> io::Result<Outlook> {
    let bytes = file.metadata()?.len();
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0)?;
    if !header.starts_with(MAGIC) {
        return Ok(Outlook::Told);
    }
    if header[4..6] != CLASS_AND_ORDER || u16_at(&header, 18) != MACHINE {
        return Ok(Outlook::PassedOver);
    }
    if usize::from(u16_at(&header, 54)) != ENTRY_BYTES {
        return Ok(Outlook::Told);
    }
    let mut table = vec![0; ENTRY_BYTES * usize::from(u16_at(&header, 56))];
    let table_at = u64_at(&header, 32);
    let mut expected = table_at.saturating_add(table.len() as u64);
    if expected <= bytes {
        file.read_exact_at(&mut table, table_at)?;
        let entries = table.chunks_exact(ENTRY_BYTES);
        let loaded = entries.filter(|entry| u32_at(entry, 0) == LOADED);
        let ends = loaded.map(|entry| u64_at(entry, 8).saturating_add(u64_at(entry, 32)));
        expected = ends.max().unwrap_or(0);
    }
    Ok(if expected > bytes {
        Outlook::CutOff { bytes, expected }
    } else {
        Outlook::Told
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes_at(bytes, at))
}

/// Zeros beyond the end.
fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A file of so many bytes whose program headers speak of these places: type, offset, size.
    fn file(bytes: usize, machine: u16, segments: &[(u32, u64, u64)]) -> File {
        let mut content = vec![0_u8; HEADER_BYTES];
        content[..4].copy_from_slice(MAGIC);
        content[4..6].copy_from_slice(&CLASS_AND_ORDER);
        content[18..20].copy_from_slice(&machine.to_le_bytes());
        content[32..40].copy_from_slice(&(HEADER_BYTES as u64).to_le_bytes());
        content[54..56].copy_from_slice(&(ENTRY_BYTES as u16).to_le_bytes());
        content[56..58].copy_from_slice(&(segments.len() as u16).to_le_bytes());
        for (kind, offset, size) in segments {
            let mut entry = [0_u8; ENTRY_BYTES];
            entry[..4].copy_from_slice(&kind.to_le_bytes());
            entry[8..16].copy_from_slice(&offset.to_le_bytes());
            entry[32..40].copy_from_slice(&size.to_le_bytes());
            content.extend(entry);
        }
        content.resize(bytes, 0);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        file
    }

    #[test]
    fn this_program_is_whole() {
        let this = File::open(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(outlook(&this).unwrap(), Outlook::Told);
    }

    #[test]
    fn what_is_to_be_loaded_must_lie_in_the_file() {
        let found = |bytes, segments: &[_]| outlook(&file(bytes, MACHINE, segments)).unwrap();
        let whole = [(LOADED, 0, 4096), (LOADED, 4096, 100)];
        assert_eq!(found(4196, &whole), Outlook::Told);
        let cut_off = |bytes, expected| Outlook::CutOff { bytes, expected };
        assert_eq!(found(4195, &whole), cut_off(4195, 4196));
        // Notes and the like are not mapped.
        assert_eq!(found(4196, &[(4, 4096, 5000)]), Outlook::Told);
        let endless = [(LOADED, u64::MAX, 2)];
        assert_eq!(found(4196, &endless), cut_off(4196, u64::MAX));
    }

    #[test]
    fn headers_that_are_cut_off_are_known_by_the_first() {
        let segments = [(LOADED, 0, 100); 3];
        let found = outlook(&file(HEADER_BYTES + 60, MACHINE, &segments)).unwrap();
        let (bytes, expected) = (124, 64 + 3 * 56);
        assert_eq!(found, Outlook::CutOff { bytes, expected });
        let short = outlook(&file(HEADER_BYTES - 1, MACHINE, &[]));
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_for_another_processor_is_passed_over_and_what_is_no_library_is_not() {
        let arm = file(4096, 40, &[(LOADED, 0, 9999)]);
        assert_eq!(outlook(&arm).unwrap(), Outlook::PassedOver);
        let mut text = tempfile::tempfile().unwrap();
        text.write_all(&[b'x'; 100]).unwrap();
        assert_eq!(outlook(&text).unwrap(), Outlook::Told);
    }
}
