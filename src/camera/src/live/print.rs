//! Hashes of pictures, by which one that comes again is known.

use twinspect_core::freshness::FrozenPicture;

/// Bytes that are mixed in one after the other, in as many lanes as words: a processor need not wait for the end of one
/// multiplication to begin the next.
const BLOCK: usize = 32;
const WORD: usize = 8;
const LANES: usize = BLOCK / WORD;

/// Odd, so that multiplying by it loses nothing: 2^64 over the golden ratio, as in Knuth's multiplicative hash.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Brings the bits that multiplication has spread most to where the next one spreads them.
const TURN: u32 = 29;

/// FNV-1a, 64 bits. Equal pictures have equal prints; the noise of a sensor makes any two others differ. Bytes that are all
/// alike are blank, whatever they are.
pub(crate) fn print<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    let mut bytes = bytes.peekable();
    let first = bytes.peek().copied().copied();
    let mut is_blank = true;
    let print = bytes.fold(0xcbf2_9ce4_8422_2325, |print: u64, byte| {
        is_blank &= Some(*byte) == first;
        (print ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if is_blank {
        FrozenPicture::BLANK
    } else {
        print
    }
}

/// A hash of all bytes of a picture, whose rows are as long in any other that it is compared with. Each step can be
/// taken back, so that pictures that differ in one word never share it, and others by chance: 1 in 2^64.
pub(crate) fn whole_print<'a>(rows: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut lanes = [0; LANES];
    for row in rows {
        let (blocks, rest) = row.as_chunks::<BLOCK>();
        for block in blocks {
            mix(&mut lanes, block);
        }
        if !rest.is_empty() {
            let mut last = [0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            mix(&mut lanes, &last);
        }
    }
    lanes.into_iter().fold(0, mixed)
}

fn mix(lanes: &mut [u64; LANES], block: &[u8; BLOCK]) {
    let (words, _) = block.as_chunks::<WORD>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane = mixed(*lane, u64::from_le_bytes(*word));
    }
}

fn mixed(state: u64, word: u64) -> u64 {
    (state ^ word).wrapping_mul(FACTOR).rotate_left(TURN)
}

/// The same of colours, rows one behind the other; `None` where all of them are black, or white: such a picture shows
/// no part, and may come again.
pub(crate) fn colour_print(rgb: &[u8]) -> Option<u64> {
    let is_blank = [0, u8::MAX]
        .iter()
        .any(|shade| rgb.iter().all(|byte| byte == shade));
    (!is_blank).then(|| whole_print(std::iter::once(rgb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_hash() {
        // Test vectors of the FNV reference (isthe.com/chongo/tech/comp/fnv).
        assert_eq!(print(b"fo".iter()), 0x0898_5907_b541_d342);
        assert_eq!(print(b"foo".iter()), 0xdcb2_7518_fed9_d577);
        assert_eq!(print(b"foobar".iter()), 0x8594_4171_f739_67e8);
        for blank in ["", "a", "aaaa"] {
            assert_eq!(print(blank.as_bytes().iter()), FrozenPicture::BLANK);
        }
    }

    /// Three rows, which end within a block.
    fn of(bytes: &[u8]) -> u64 {
        whole_print(bytes.chunks(45))
    }

    #[test]
    fn each_bit_of_a_picture_counts() {
        let mut bytes: Vec<u8> = (0..135_usize).map(|at| (at * 37) as u8).collect();
        let whole = of(&bytes);
        assert_eq!(of(&bytes.clone()), whole);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert_ne!(of(&bytes), whole, "bit {bit} of byte {at}");
                bytes[at] ^= 1 << bit;
            }
        }
    }

    /// In one lane and in two; the highest bits, which multiplication alone would not spread.
    #[test]
    fn two_changes_do_not_undo_each_other() {
        let mut bytes: Vec<u8> = (0..135_usize).map(|at| (at * 37) as u8).collect();
        let whole = of(&bytes);
        for (one, other) in [(7, 39), (7, 15), (0, 32), (44, 89)] {
            for change in 1..=u8::MAX {
                for answer in 1..=u8::MAX {
                    bytes[one] ^= change;
                    bytes[other] ^= answer;
                    assert_ne!(of(&bytes), whole, "{one} by {change}, {other} by {answer}");
                    bytes[one] ^= change;
                    bytes[other] ^= answer;
                }
            }
        }
    }

    #[test]
    fn only_a_picture_that_shows_something_has_a_print() {
        assert_eq!(colour_print(&[0; 12]), None);
        assert_eq!(colour_print(&[u8::MAX; 12]), None);
        let mut dark = [0; 12];
        dark[11] = 1;
        let grey = [7; 12];
        assert!(colour_print(&dark).is_some() && colour_print(&grey).is_some());
        assert_ne!(colour_print(&dark), colour_print(&grey));
    }
}
