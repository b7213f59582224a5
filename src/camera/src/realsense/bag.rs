//! A bag, looked through before the library gets it: whether its records lead from one to the next.
//!
//! The library takes whatever it finds for a length. One above two gigabytes makes it compute without end while it opens
//! the file: `rosbag::Buffer::ensureCapacity` doubles 32 bits until they are enough. A place behind a chunk's end is read
//! all the same (`Bag::readHeaderFromBuffer`). So it gets only what all lengths and places agree with. By [the format
//! 2.0](https://wiki.ros.org/Bags/Format/2.0): numbers are little-endian, and a record is the length of its header, the
//! header, the length of its data, the data. What is within pictures is not looked at.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use super::error::RealSenseError;

/// How a file of this format begins.
pub(super) const MAGIC: &[u8] = b"#ROSBAG V2.0\n";

/// What a record is, as its header's field `op` says.
const MESSAGE: u8 = 2;
const BAG: u8 = 3;
const INDEX: u8 = 4;
const CHUNK: u8 = 5;
const CHUNK_INFO: u8 = 6;
const CONNECTION: u8 = 7;

/// Bytes of a header. The longest, the first one, has less than four thousand.
const HEADER_BYTES_MAX: u32 = 65_536;
/// Bytes of an index's entry: seconds, nanoseconds, place within the chunk.
const ENTRY_BYTES: u32 = 12;

/// What speaks against a file.
#[derive(Debug)]
enum Flaw {
    /// It can't be read.
    Unreadable(io::Error),
    /// It has fewer bytes than it says.
    CutOff { wanted: u64 },
    /// What stands there is none of what must.
    Damaged { at: u64, what: &'static str },
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Whether a file's records are whole, if it is a bag of this format that was closed; of any other the library says what
/// is wrong with it.
pub(super) fn check(path: &Path) -> Result<(), RealSenseError> {
    let file = || path.display().to_string();
    let unreadable = |source| RealSenseError::Unreadable {
        file: file(),
        source,
    };
    let opened = File::open(path).map_err(unreadable)?;
    let bytes = opened.metadata().map_err(unreadable)?.len();
    look_through(opened, bytes).map_err(|flaw| match flaw {
        Flaw::Unreadable(source) => unreadable(source),
        Flaw::CutOff { wanted } => RealSenseError::CutOff {
            file: file(),
            found: bytes,
            wanted,
        },
        Flaw::Damaged { at, what } => RealSenseError::Damaged {
            file: file(),
            at,
            what,
        },
    })
}

fn look_through(input: impl Read + Seek, bytes: u64) -> Result<(), Flaw> {
    let mut records = Records {
        input: BufReader::new(input),
        at: 0,
        end: bytes,
    };
    let mut magic = [0; MAGIC.len()];
    if bytes < MAGIC.len() as u64 {
        return Ok(());
    }
    records.read(&mut magic)?;
    if magic != MAGIC {
        return Ok(());
    }
    let bag = records.next_record()?;
    bag.require(BAG)?;
    let index_at = u64::from_le_bytes(bag.bytes_of("index_pos")?);
    let connections = u32::from_le_bytes(bag.bytes_of("conn_count")?);
    let chunks = u32::from_le_bytes(bag.bytes_of("chunk_count")?);
    if index_at == 0 {
        // It was not closed, which the library tells.
        return Ok(());
    }
    if index_at > bytes {
        return Err(Flaw::CutOff { wanted: index_at });
    }
    records.skip(bag.data_bytes)?;
    records.end = index_at;
    let mut chunk_bytes = 0;
    while records.at < index_at {
        let record = records.next_record()?;
        match record.op() {
            Some(CHUNK) => chunk_bytes = records.chunk(&record)?,
            Some(INDEX) => records.index(&record, chunk_bytes)?,
            _ => return Err(record.flaw("neither a chunk nor an index")),
        }
    }
    records.end = bytes;
    for (op, count) in [(CONNECTION, connections), (CHUNK_INFO, chunks)] {
        for _ in 0..count {
            let record = records.next_record()?;
            record.require(op)?;
            records.skip(record.data_bytes)?;
        }
    }
    Ok(())
}

/// A record whose data has not been read.
struct Record {
    at: u64,
    header: Vec<u8>,
    data_bytes: u32,
}

impl Record {
    fn flaw(&self, what: &'static str) -> Flaw {
        Flaw::Damaged { at: self.at, what }
    }

    /// A field of the header: the length of `name=value`, then that.
    fn field(&self, name: &str) -> Option<&[u8]> {
        let mut rest = self.header.as_slice();
        loop {
            let (length, fields) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (field, others) = fields.split_at_checked(length)?;
            let value = field
                .strip_prefix(name.as_bytes())
                .and_then(|value| value.strip_prefix(b"="));
            if value.is_some() {
                return value;
            }
            rest = others;
        }
    }

    /// A field that is a number.
    fn bytes_of<const N: usize>(&self, name: &str) -> Result<[u8; N], Flaw> {
        self.field(name)
            .and_then(|value| value.try_into().ok())
            .ok_or_else(|| self.flaw("a header without what it must say"))
    }

    fn op(&self) -> Option<u8> {
        match self.field("op")? {
            [op] => Some(*op),
            _ => None,
        }
    }

    fn require(&self, op: u8) -> Result<(), Flaw> {
        if self.op() == Some(op) {
            Ok(())
        } else {
            Err(self.flaw("a record of another kind than belongs there"))
        }
    }
}

/// Records one after the other, up to an end that none may pass.
struct Records<R> {
    input: BufReader<R>,
    at: u64,
    end: u64,
}

impl<R: Read + Seek> Records<R> {
    fn next_record(&mut self) -> Result<Record, Flaw> {
        let at = self.at;
        let beyond = || Flaw::Damaged {
            at,
            what: "a record that is longer than what is left for it",
        };
        let header_bytes = self.number().ok_or_else(beyond)??;
        if header_bytes > HEADER_BYTES_MAX || u64::from(header_bytes) > self.left() {
            return Err(beyond());
        }
        let mut header = vec![0; header_bytes as usize];
        self.read(&mut header)?;
        let data_bytes = self.number().ok_or_else(beyond)??;
        if u64::from(data_bytes) > self.left() {
            return Err(beyond());
        }
        Ok(Record {
            at,
            header,
            data_bytes,
        })
    }

    /// A chunk's messages, if they are not compressed; how many bytes they are in all.
    fn chunk(&mut self, chunk: &Record) -> Result<u32, Flaw> {
        let bytes = u32::from_le_bytes(chunk.bytes_of("size")?);
        if chunk.field("compression") != Some(b"none") {
            self.skip(chunk.data_bytes)?;
            return Ok(bytes);
        }
        let end = std::mem::replace(&mut self.end, self.at + u64::from(chunk.data_bytes));
        while self.at < self.end {
            let record = self.next_record()?;
            if !matches!(record.op(), Some(MESSAGE | CONNECTION)) {
                return Err(record.flaw("no message within a chunk"));
            }
            self.skip(record.data_bytes)?;
        }
        self.end = end;
        Ok(bytes)
    }

    /// When a chunk's messages came, and where each begins.
    fn index(&mut self, index: &Record, chunk_bytes: u32) -> Result<(), Flaw> {
        let count = u32::from_le_bytes(index.bytes_of("count")?);
        if count.checked_mul(ENTRY_BYTES) != Some(index.data_bytes) {
            return Err(index.flaw("an index of another length than it says"));
        }
        for _ in 0..count {
            let mut entry = [0; ENTRY_BYTES as usize];
            self.read(&mut entry)?;
            let [_, _, _, _, a, b, c, d, place @ ..] = entry;
            let nanoseconds = u32::from_le_bytes([a, b, c, d]);
            if nanoseconds >= 1_000_000_000 || u32::from_le_bytes(place) >= chunk_bytes {
                return Err(index.flaw("an index that leads to no message"));
            }
        }
        Ok(())
    }

    fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// A length; `None`: there is no room for one.
    fn number(&mut self) -> Option<Result<u32, Flaw>> {
        let mut bytes = [0; 4];
        if self.left() < bytes.len() as u64 {
            return None;
        }
        let read = self.read(&mut bytes);
        Some(read.map(|()| u32::from_le_bytes(bytes)))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Flaw> {
        self.input.read_exact(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn skip(&mut self, bytes: u32) -> Result<(), Flaw> {
        self.input.seek_relative(i64::from(bytes))?;
        self.at += u64::from(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
