use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// A record of these fields.
fn record(fields: &[(&str, &[u8])], data: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for (name, value) in fields {
        let length = (name.len() + 1 + value.len()) as u32;
        header.extend_from_slice(&length.to_le_bytes());
        header.extend_from_slice(name.as_bytes());
        header.push(b'=');
        header.extend_from_slice(value);
    }
    let mut bytes = (header.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&(data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The first record, which is padded to one length whatever it says.
fn first(index_at: u64, chunks: u32) -> Vec<u8> {
    let fields: [(&str, &[u8]); 4] = [
        ("op", &[BAG]),
        ("index_pos", &index_at.to_le_bytes()),
        ("conn_count", &1_u32.to_le_bytes()),
        ("chunk_count", &chunks.to_le_bytes()),
    ];
    let unpadded = record(&fields, &[]).len();
    record(&fields, &vec![b' '; 4_104 - unpadded])
}

/// A bag of so many chunks, with two messages of a picture's size each.
fn bag(chunks: u32) -> Vec<u8> {
    let connection = || record(&[("op", &[CONNECTION]), ("conn", &[0; 4])], b"topic");
    let mut body = Vec::new();
    for _ in 0..chunks {
        let mut messages = connection();
        let mut entries = Vec::new();
        for second in 1..=2_u32 {
            entries.extend_from_slice(&second.to_le_bytes());
            entries.extend_from_slice(&999_999_999_u32.to_le_bytes());
            entries.extend_from_slice(&(messages.len() as u32).to_le_bytes());
            messages.extend(record(
                &[("op", &[MESSAGE]), ("conn", &[0; 4])],
                &[7; 3_000],
            ));
        }
        let size = (messages.len() as u32).to_le_bytes();
        body.extend(record(
            &[("op", &[CHUNK]), ("compression", b"none"), ("size", &size)],
            &messages,
        ));
        body.extend(record(
            &[("op", &[INDEX]), ("count", &2_u32.to_le_bytes())],
            &entries,
        ));
    }
    let begin = MAGIC.len() + first(0, chunks).len();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(first((begin + body.len()) as u64, chunks));
    bytes.extend(body);
    bytes.extend(connection());
    for _ in 0..chunks {
        bytes.extend(record(&[("op", &[CHUNK_INFO])], &[0; 8]));
    }
    bytes
}

fn looked_through(bytes: &[u8]) -> Result<(), Flaw> {
    look_through(Cursor::new(bytes), bytes.len() as u64)
}

/// Where it is damaged, if it is.
fn damaged_at(bytes: &[u8]) -> Option<u64> {
    match looked_through(bytes) {
        Ok(()) => None,
        Err(Flaw::Damaged { at, .. }) => Some(at),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_whole_bag_is_sound_whatever_its_pictures_show() {
    let mut bytes = bag(5);
    assert_eq!(damaged_at(&bytes), None);
    let pixels = bytes
        .windows(8)
        .position(|window| window == [7; 8])
        .unwrap();
    bytes[pixels..pixels + 2_000].fill(0xff);
    assert_eq!(damaged_at(&bytes), None);
}

/// As the library would compute without end over it.
#[test]
fn nonsense_in_the_middle_is_told_with_its_place() {
    let whole = bag(9);
    let middle = whole.len() / 2;
    let mut bytes = whole.clone();
    for (at, byte) in bytes[middle..middle + 12_000].iter_mut().enumerate() {
        *byte = (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    }
    let at = damaged_at(&bytes).unwrap() as usize;
    assert!(
        (middle - 4_000..middle + 12_000).contains(&at),
        "{at} of {middle}"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("belt.bag");
    std::fs::write(&path, &bytes).unwrap();
    let error = check(&path).unwrap_err();
    let told = format!("recording {} is damaged at byte {at}: ", path.display());
    assert!(error.to_string().starts_with(&told), "{error}");
    assert!(error.is_of_the_file() && !error.may_pass());
    assert!(error.hint().unwrap().contains("copy it again"));
    std::fs::write(&path, &whole).unwrap();
    check(&path).unwrap();
}

#[test]
fn each_length_and_each_place_counts() {
    let whole = bag(2);
    let begin = MAGIC.len() + first(0, 0).len();
    let places = |op: u8| {
        let field = [4, 0, 0, 0, b'o', b'p', b'=', op];
        let found = whole.windows(field.len()).enumerate();
        let found = found.filter(move |(_, window)| *window == field);
        found.map(|(at, _)| at - 4).collect::<Vec<usize>>()
    };
    assert_eq!(places(CHUNK)[0], begin);
    for op in [CHUNK, MESSAGE, INDEX, CONNECTION, CHUNK_INFO] {
        let at = *places(op).last().unwrap();
        let mut bytes = whole.clone();
        // The length of its header, as of three gigabytes.
        bytes[at..at + 4].copy_from_slice(&3_000_000_000_u32.to_le_bytes());
        assert_eq!(damaged_at(&bytes), Some(at as u64), "{op}");
    }
    let index = places(INDEX)[0];
    let entries = index + 4 + 8 + 4 + "count=".len() + 4 + 4;
    for (place, number) in [(4, 1_000_000_000_u32), (8, 60_000_000)] {
        let mut bytes = whole.clone();
        let at = entries + place;
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        assert_eq!(damaged_at(&bytes), Some(index as u64), "{place}");
    }
}

#[test]
fn a_bag_that_was_cut_or_not_closed_is_told_from_one_that_is_damaged() {
    let whole = bag(3);
    let index_at = whole.len() as u64 / 2;
    let half = looked_through(&whole[..index_at as usize]);
    assert!(
        matches!(half, Err(Flaw::CutOff { wanted }) if wanted > index_at),
        "{half:?}"
    );
    assert!(damaged_at(&whole[..whole.len() - 1]).is_some());
    // The library has words of its own for these.
    let mut open = MAGIC.to_vec();
    open.extend(first(0, 0));
    assert_eq!(damaged_at(&open), None);
    assert_eq!(damaged_at(b"#ROSBAG V1.2\nwhatever"), None);
    assert_eq!(damaged_at(b""), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_bytes_come_to_an_end(
        place in 0_usize..30_000,
        nonsense in proptest::collection::vec(any::<u8>(), 1..200),
        length in 0_usize..40_000,
    ) {
        let mut bytes = bag(4);
        let place = place.min(bytes.len() - nonsense.len());
        bytes[place..place + nonsense.len()].copy_from_slice(&nonsense);
        bytes.truncate(length);
        // Whatever it is, it is told in no time.
        drop(looked_through(&bytes));
    }
}
