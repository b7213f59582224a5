//! A hash of some bytes of a picture.

/// FNV-1a, 64 bits. Equal pictures have equal prints; the noise of a sensor makes any two others differ.
pub(crate) fn print<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |print: u64, byte| {
        (print ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_hash() {
        // Test vectors of the FNV reference (isthe.com/chongo/tech/comp/fnv).
        assert_eq!(print(b"".iter()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(print(b"a".iter()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(print(b"foobar".iter()), 0x8594_4171_f739_67e8);
    }
}
