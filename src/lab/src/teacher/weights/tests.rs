use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{WeightFile, WeightsError};

fn data(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.join("tests/data/teacher").join(file)
}

fn safetensors(tensors: &[(&str, Dtype, &[usize], &[u8])]) -> Vec<u8> {
    let views = tensors.iter().map(|&(name, dtype, dims, bytes)| {
        let view = TensorView::new(dtype, dims.to_vec(), bytes).unwrap();
        (name, view)
    });
    safetensors::serialize(views, None).unwrap()
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The table of one tensor `a` of four f32 in storage `0`, of this many elements and stride.
fn table(elements: u8, dim: u8, stride: u8) -> Vec<u8> {
    let mut table = b"\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    table.extend(b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK");
    table.push(elements);
    table.extend([b't', b'Q', b'K', 0, b'K', dim, 0x85, b'K', stride, 0x85]);
    table.extend([0x89, b'N', b't', b'R', b's', b'.']);
    table
}

fn error(bytes: Vec<u8>) -> WeightsError {
    match WeightFile::parse(bytes) {
        Ok(mut file) => file.values("a").unwrap_err(),
        Err(error) => error,
    }
}

#[test]
fn a_state_dict_of_pytorch() {
    // Written by torch 2.15: see tests/data/teacher/README.md.
    let mut file = WeightFile::open(&data("state_dict.pth")).unwrap();
    let mut check = |name: &str, dims: &[usize], values: &[f32]| {
        assert_eq!(file.dims(name), Some(dims), "{name}");
        assert_eq!(file.values(name).unwrap(), values, "{name}");
    };
    check("plain", &[2, 3], &[0.0, 1.0, 2.0, 4.0, 5.0, 6.0]);
    let transposed = [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0];
    check("transposed", &[4, 3], &transposed);
    check("column", &[3], &[1.0, 5.0, 9.0]);
    check("expanded", &[2, 3], &[5.0; 6]);
    check("f16", &[2], &[1.5, -2.0]);
    check("bf16", &[2], &[1.5, -2.0]);
    check("f64", &[1], &[0.1]);
    check("i64", &[], &[7.0]);
    check("parameter", &[1], &[0.25]);
    assert_eq!(file.dims("_metadata"), None);
    let missing = file.values("other").unwrap_err();
    assert_eq!(missing.to_string(), "there is no tensor other");
}

#[test]
fn safetensors_of_every_type() {
    let bytes = safetensors(&[
        ("a", Dtype::F32, &[1, 2], &[0, 0, 128, 63, 0, 0, 0, 64]),
        ("b", Dtype::BF16, &[1], &[0x80, 0x3f]),
        ("c", Dtype::U8, &[1], &[1]),
        ("d", Dtype::F16, &[1], &[0x00, 0x7c]),
    ]);
    let mut file = WeightFile::parse(bytes).unwrap();
    assert_eq!(file.dims("a"), Some(&[1, 2][..]));
    assert_eq!(file.values("a").unwrap(), [1.0, 2.0]);
    assert_eq!(file.values("b").unwrap(), [1.0]);
    let element = file.values("c").unwrap_err();
    assert_eq!(element.to_string(), "tensor c has elements of type U8");
    let infinite = file.values("d").unwrap_err();
    assert_eq!(infinite.to_string(), "value 0 of tensor d is not finite");
}

#[test]
fn damaged_safetensors() {
    let bytes = safetensors(&[("a", Dtype::F32, &[2], &[0; 8])]);
    for length in 9..bytes.len() {
        let cut = bytes[..length].to_vec();
        assert!(WeightFile::parse(cut).is_err(), "{length} bytes");
    }
    let header = br#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#;
    let mut lying = (header.len() as u64).to_le_bytes().to_vec();
    lying.extend(header);
    lying.extend([0; 8]);
    assert!(matches!(error(lying), WeightsError::Header { .. }));
}

#[test]
fn forms_are_told_by_their_content() {
    let old = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    let refused = error(old);
    assert!(matches!(refused, WeightsError::OldPytorch), "{refused}");
    assert!(refused.hint().unwrap().contains("convert it once"));
    for bytes in [&b""[..], b"PK", b"GIF89a", b"\x7fELF\x02\x01\x01\0\0\0"] {
        assert!(matches!(error(bytes.to_vec()), WeightsError::Form));
    }
}

#[test]
fn what_is_no_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let refused = WeightFile::open(folder.path()).err().unwrap();
    assert!(matches!(
        refused,
        WeightsError::NotAFile { found: "a folder" }
    ));
    let missing = WeightFile::open(&folder.path().join("r18.pth"))
        .err()
        .unwrap();
    assert!(matches!(missing, WeightsError::Read { .. }));
    assert!(missing.hint().unwrap().contains("built in"));
}

#[test]
fn an_archive_of_one_tensor() {
    let storage: Vec<u8> = (0..12_u8)
        .flat_map(|v| f32::from(v).to_le_bytes())
        .collect();
    let bytes = archive(&[("x/data.pkl", &table(12, 4, 3)), ("x/data/0", &storage)]);
    let mut file = WeightFile::parse(bytes).unwrap();
    assert_eq!(file.values("a").unwrap(), [0.0, 3.0, 6.0, 9.0]);
}

#[test]
fn hostile_archives() {
    let storage = [0; 48];
    let check = |entries: &[(&str, &[u8])], message: &str| {
        assert_eq!(error(archive(entries)).to_string(), message);
    };
    let beyond = "tensor a with axes [4] does not fit into its storage or is too large";
    check(
        &[("x/data.pkl", &table(12, 4, 4)), ("x/data/0", &storage)],
        beyond,
    );
    check(
        &[("x/data.pkl", &table(12, 4, 3))],
        "the zip archive has no entry x/data/0",
    );
    check(
        &[
            ("x/data.pkl", &table(12, 4, 3)),
            ("x/data/0", &storage[1..]),
        ],
        "entry x/data/0 of the zip archive has 47 bytes, expected 48",
    );
    check(
        &[("data/0", &storage)],
        "the zip archive has no entry */data.pkl",
    );
    check(
        &[("x/data.pkl", &table(12, 4, 3)), ("x/byteorder", b"big")],
        "the tensors are not stored in little-endian order",
    );
    check(
        &[("x/data.pkl", b"cos\nsystem\n.")],
        "reading the table of tensors",
    );
}

/// Zeros that deflate to a thousandth of their size.
#[test]
fn small_archives_stay_small() {
    let zeros = vec![0; (4 << 20) + 1];
    let bytes = archive(&[("x/data.pkl", &zeros)]);
    assert!(bytes.len() < 10_000);
    assert_eq!(
        error(bytes).to_string(),
        "entry x/data.pkl of the zip archive has 4194305 bytes, expected at most 4194304"
    );
    let bytes = archive(&[("x/data.pkl", &table(12, 4, 3)), ("x/data/0", &zeros)]);
    assert_eq!(
        error(bytes).to_string(),
        "entry x/data/0 of the zip archive has 4194305 bytes, expected 48"
    );
}

/// An entry whose header declares fewer bytes than it inflates to.
#[test]
fn lying_archives_are_refused() {
    let mut bytes = archive(&[("x/data.pkl", &table(12, 4, 3)), ("x/data/0", &[0; 4800])]);
    let declared = 4800_u32.to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4)
        .filter(|&i| bytes[i..i + 4] == declared)
        .collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place..place + 4].copy_from_slice(&48_u32.to_le_bytes());
    }
    let refused = error(bytes);
    assert!(
        matches!(
            refused,
            WeightsError::EntrySize { .. } | WeightsError::Archive { .. }
        ),
        "{refused}"
    );
}
