use super::{
    DEPTH_MAX, Element, OBJECTS_MAX, PickleError, STACK_MAX, Storage, StoredTensor, tensors,
};

fn text(value: &str) -> Vec<u8> {
    [
        b"X",
        &(value.len() as u32).to_le_bytes()[..],
        value.as_bytes(),
    ]
    .concat()
}

fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A tuple of instructions that each push one value.
fn tuple(values: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &values.concat()[..], b"t"].concat()
}

fn int(value: i32) -> Vec<u8> {
    [b"J", &value.to_le_bytes()[..]].concat()
}

fn ints(values: &[i32]) -> Vec<u8> {
    let values: Vec<Vec<u8>> = values.iter().map(|&value| int(value)).collect();
    tuple(&values)
}

fn storage(kind: &str, elements: i32) -> Vec<u8> {
    let id = tuple(&[
        text("storage"),
        global("torch", kind),
        text("0"),
        text("cpu"),
        int(elements),
    ]);
    [id, b"Q".to_vec()].concat()
}

/// `_rebuild_tensor_v2` called with these.
fn rebuild(storage: Vec<u8>, offset: i32, dims: &[i32], strides: &[i32]) -> Vec<u8> {
    let arguments = [
        storage,
        int(offset),
        ints(dims),
        ints(strides),
        vec![0x89],
        b"N".to_vec(),
    ];
    [
        global("torch._utils", "_rebuild_tensor_v2"),
        tuple(&arguments),
        b"R".to_vec(),
    ]
    .concat()
}

/// A whole pickle: a dict with one entry `a`.
fn dict(value: Vec<u8>) -> Vec<u8> {
    [b"\x80\x02}".to_vec(), text("a"), value, b"s.".to_vec()].concat()
}

fn small() -> Vec<u8> {
    dict(rebuild(storage("FloatStorage", 12), 2, &[2, 3], &[1, 4]))
}

fn check(pickle: &[u8], message: &str) {
    assert_eq!(tensors(pickle).unwrap_err().to_string(), message);
}

#[test]
fn a_tensor_is_read() {
    let found = tensors(&small()).unwrap();
    let expected = StoredTensor {
        storage: Storage {
            key: "0".into(),
            element: Element::F32,
            elements: 12,
        },
        offset: 2,
        dims: vec![2, 3],
        strides: vec![1, 4],
    };
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [("a".into(), expected)]
    );
}

#[test]
fn strides_lead_to_positions() {
    let tensor = |offset, dims: &[usize], strides: &[usize]| StoredTensor {
        storage: Storage {
            key: "0".into(),
            element: Element::F32,
            elements: 0,
        },
        offset,
        dims: dims.into(),
        strides: strides.into(),
    };
    let transposed = tensor(2, &[2, 3], &[1, 4]);
    assert!(transposed.positions(6).eq([2, 6, 10, 3, 7, 11]));
    assert_eq!(transposed.end(), Some(12));
    let expanded = tensor(0, &[2, 2], &[0, 1]);
    assert!(expanded.positions(4).eq([0, 1, 0, 1]));
    assert_eq!(expanded.end(), Some(2));
    let scalar = tensor(5, &[], &[]);
    assert!(scalar.positions(1).eq([5]));
    assert_eq!(tensor(7, &[0, 3], &[9, 9]).end(), Some(7));
    assert_eq!(tensor(1, &[usize::MAX, 2], &[usize::MAX, 1]).end(), None);
    assert_eq!(tensor(1, &[2], &[usize::MAX]).end(), None);
}

#[test]
fn functions_are_never_called() {
    let call = |module: &str, name: &str| {
        let call = [global(module, name), tuple(&[text("true")]), b"R".to_vec()];
        check(
            &dict(call.concat()),
            &format!("the pickle names {module}.{name}, which no table of tensors needs"),
        );
    };
    call("os", "system");
    call("posix", "system");
    call("builtins", "eval");
    call("torch", "load");
    call("torch._utils", "_rebuild_tensor_v2.__globals__");
    // The allowed names with other arguments, or as other instructions would use them.
    let misuse = [
        global("collections", "OrderedDict"),
        tuple(&[text("true")]),
        b"R".to_vec(),
    ];
    let error = tensors(&dict(misuse.concat())).unwrap_err();
    assert!(matches!(error, PickleError::Value { .. }), "{error}");
    for opcode in [b'i', b'o', 0x81, 0x82, 0x92, 0x93, b'P', b'S'] {
        let pickle = [
            b"\x80\x02".to_vec(),
            vec![opcode],
            b"os\nsystem\n.".to_vec(),
        ];
        let expected = PickleError::Opcode {
            opcode,
            position: 2,
        };
        assert_eq!(tensors(&pickle.concat()), Err(expected));
    }
}

#[test]
fn every_truncation_is_refused() {
    let pickle = small();
    for length in 0..pickle.len() {
        let error = tensors(&pickle[..length]).unwrap_err();
        assert!(
            matches!(error, PickleError::Truncated { .. }),
            "{length} bytes: {error}"
        );
    }
}

#[test]
fn every_flipped_byte_gives_a_result_or_an_error() {
    let pickle = small();
    let intact = tensors(&pickle).unwrap();
    let mut changed = 0;
    for index in 0..pickle.len() {
        for bit in 0..8 {
            let mut pickle = pickle.clone();
            pickle[index] ^= 1 << bit;
            changed += usize::from(tensors(&pickle).as_ref() != Ok(&intact));
        }
    }
    // A few flips leave the tensor alone, such as those in the name of the device.
    assert!(
        changed > pickle.len() * 6,
        "{changed} of {}",
        pickle.len() * 8
    );
}

#[test]
fn limits_hold() {
    let limit = |what: &str, limit: usize| format!("the pickle has more than {limit} {what}");
    let many = |start: &[u8], repeated: &[u8], times: usize| {
        [start, &repeated.repeat(times)[..], b"."].concat()
    };
    check(
        &many(b"N", &[0x85], 100_000),
        &limit("nested values", DEPTH_MAX),
    );
    check(
        &many(b"", b"(", 100_000),
        &limit("values on its stack", STACK_MAX),
    );
    // A dict with ever more empty dicts in it.
    check(
        &many(b"}", b"N}s", OBJECTS_MAX + 1),
        &limit("values", OBJECTS_MAX),
    );
    let long = text(&"x".repeat(257));
    check(&dict(long), &limit("bytes in a text", 256));
    let many_axes = [0; 9];
    let error = tensors(&dict(rebuild(
        storage("FloatStorage", 1),
        0,
        &many_axes,
        &many_axes,
    )));
    assert!(matches!(
        error,
        Err(PickleError::Value {
            what: "a tensor",
            ..
        })
    ));
}

#[test]
fn tensors_must_be_whole() {
    let check_tensor = |tensor: Vec<u8>, what: &str| {
        let error = tensors(&dict(tensor)).unwrap_err();
        assert!(
            matches!(error, PickleError::Value { what: found, .. } if found == what),
            "{error}"
        );
    };
    let floats = || storage("FloatStorage", 12);
    check_tensor(rebuild(floats(), -1, &[2], &[1]), "a tensor");
    check_tensor(rebuild(floats(), 0, &[-2], &[1]), "a tensor");
    check_tensor(rebuild(floats(), 0, &[2], &[-1]), "a tensor");
    check_tensor(rebuild(floats(), 0, &[2, 2], &[1]), "a tensor");
    check_tensor(rebuild(text("0"), 0, &[2], &[1]), "a tensor");
    check_tensor(storage("FloatStorage", -1), "a storage");
    check_tensor([text("storage"), b"Q".to_vec()].concat(), "a storage");
}

#[test]
fn a_pickle_without_tensors_is_refused() {
    for pickle in [&b"\x80\x02}."[..], b"N.", b")."] {
        assert_eq!(tensors(pickle), Err(PickleError::NoTensors));
    }
    assert_eq!(tensors(&dict(int(3))), Err(PickleError::NoTensors));
}

#[test]
fn numbers_of_any_length() {
    let long = |bytes: &[u8]| [&[0x8a, bytes.len() as u8], bytes].concat();
    let with_offset = |offset: Vec<u8>| {
        let arguments = [
            storage("LongStorage", 1),
            offset,
            ints(&[1]),
            ints(&[1]),
            vec![0x88],
            b"N".to_vec(),
        ];
        let call = [
            global("torch._utils", "_rebuild_tensor_v2"),
            tuple(&arguments),
            b"R".to_vec(),
        ];
        tensors(&dict(call.concat())).map(|tensors| tensors["a"].offset)
    };
    assert_eq!(with_offset(long(&[])), Ok(0));
    assert_eq!(with_offset(long(&[0xff, 0x00])), Ok(255));
    assert_eq!(with_offset(long(&[0, 0, 0, 0, 1])), Ok(1 << 32));
    assert_eq!(with_offset(vec![b'M', 1, 1]), Ok(257));
    assert!(with_offset(long(&[0xff])).is_err());
    assert!(with_offset(long(&[1; 9])).is_err());
}
