//! Everything that the crate can do, once, with results that are known.

use twinspect_tensorrt::{
    BuildLimits, Builder, Built, Device, Direction, Error, Generation, Plan, Runtime, Session,
    TensorRt, Transfer, Types,
};

/// Why a tour ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The crate says that something went wrong.
    Error(Error),
    /// Something is not as it should be, and the tour saw it before it believed a result.
    Noticed(String),
    /// A result is wrong, and nothing warned of it.
    Wrong(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Two inputs, two outputs, in the text that the double reads.
pub(crate) const NETWORK: &str = "double network\ninput image 1 3 4 4\ninput height 1 1 4 4\n\
                                  output map 1 1 4 4\noutput sum 1 1 2 2\nlayer trunk\nlayer head\n";
/// A network with a node that the parser does not know.
const UNSUPPORTED: &str = "double network\ninput image 1 3 4 4\nnode gate Gamma\n";
const LIMITS: BuildLimits = BuildLimits {
    workspace_bytes: 64 << 20,
};

pub(crate) fn expect(condition: bool, what: impl Into<String>) -> Result<(), Stop> {
    if condition {
        Ok(())
    } else {
        Err(Stop::Noticed(what.into()))
    }
}

pub(crate) fn run(transfer: &str, types: &str) -> Result<(), Stop> {
    let device = Device::open(0)?;
    let tensorrt = TensorRt::open()?;
    let types = match (types, tensorrt.generation()) {
        ("f32", _) => Types::F32,
        ("f16", Generation::V8) => Types::F16Only(vec!["trunk".to_owned()]),
        ("f16", Generation::V10 | Generation::V11) => Types::AsTyped,
        _ => panic!("no types {types}"),
    };
    refusals(&tensorrt)?;
    let plan = build(&tensorrt, &types)?;
    let transfer = match transfer {
        "mapped" => Transfer::Mapped,
        "copied" => Transfer::Copied,
        _ => Transfer::of(&device),
    };
    inference(&tensorrt, &device, &plan, transfer)
}

/// What must be refused, and the reasons that come with it.
fn refusals(tensorrt: &TensorRt) -> Result<(), Stop> {
    let has_names = tensorrt.generation() != Generation::V8;
    match Builder::new(tensorrt)?.parse(UNSUPPORTED.as_bytes(), Types::F32) {
        Err(Error::Parse { complaints, said }) => {
            let [complaint] = &complaints[..] else {
                return Err(Stop::Noticed(format!(
                    "one complaint expected: {complaints:?}"
                )));
            };
            expect(
                complaint.code == 8 && complaint.node == 1,
                format!("{complaint:?}"),
            )?;
            let name = has_names.then(|| "gate".to_owned());
            expect(complaint.node_name == name, format!("{complaint:?}"))?;
            expect(
                complaint.text == "no importer registered for operator Gamma",
                format!("{complaint:?}"),
            )?;
            let heard = ["parsing failed: no importer registered for operator Gamma"];
            expect(said.lines() == heard, format!("{said}"))?;
        }
        Err(error) => return Err(error.into()),
        Ok(_) => {
            return Err(Stop::Noticed(
                "a network that can't be read was read".to_owned(),
            ));
        }
    }
    let garbage = Plan::from_trusted_bytes(vec![0xA5; 4096]);
    match Runtime::new(tensorrt)?.engine(&garbage) {
        Err(Error::Refused { call, said }) => {
            let heard = ["the engine plan file is not compatible with this version of TensorRT"];
            expect(
                call == "deserializeCudaEngine" && said.lines() == heard,
                format!("{call}: {said}"),
            )
        }
        Err(error) => Err(error.into()),
        Ok(_) => Err(Stop::Noticed("garbage was taken for a plan".to_owned())),
    }
}

fn build(tensorrt: &TensorRt, types: &Types) -> Result<Plan, Stop> {
    let build = |cache: Option<&[u8]>| -> Result<Built, Stop> {
        let network = Builder::new(tensorrt)?.parse(NETWORK.as_bytes(), types.clone())?;
        let found: Vec<_> = network
            .tensors()
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor.direction))
            .collect();
        let expected = [
            ("image", Direction::Input),
            ("height", Direction::Input),
            ("map", Direction::Output),
            ("sum", Direction::Output),
        ];
        expect(found == expected, format!("{found:?}"))?;
        expect(
            network.tensors()[0].shape == [1, 3, 4, 4],
            "the shape of a parsed input",
        )?;
        let built = network.build(&LIMITS, cache)?;
        check_notes(&built.plan, tensorrt.generation(), types)?;
        Ok(built)
    };
    let first = build(None)?;
    expect(!first.is_cache_rejected, "no cache was given")?;
    let again = build(Some(&first.timing_cache))?;
    expect(
        !again.is_cache_rejected,
        "a cache of this board was rejected",
    )?;
    expect(
        again.timing_cache.len() > first.timing_cache.len(),
        "the second cache knows more",
    )?;
    let foreign = build(Some(b"double cache of 7.0.0\n"))?;
    expect(foreign.is_cache_rejected, "a foreign cache was taken")?;

    if tensorrt.generation() == Generation::V8 {
        let types = Types::F16Only(vec!["trunk".to_owned(), "tail".to_owned()]);
        let network = Builder::new(tensorrt)?.parse(NETWORK.as_bytes(), types)?;
        match network.build(&LIMITS, None) {
            Err(Error::NoLayers { names }) => expect(names == ["tail"], format!("{names:?}"))?,
            Err(error) => return Err(error.into()),
            Ok(_) => {
                return Err(Stop::Noticed(
                    "a layer that is not there has 16 bits".to_owned(),
                ));
            }
        }
    }
    Ok(first.plan)
}

/// What the double was asked for, which it writes into its plans.
fn check_notes(plan: &Plan, generation: Generation, types: &Types) -> Result<(), Stop> {
    let notes = String::from_utf8_lossy(plan.as_bytes()).into_owned();
    let (network_flags, builder_flags, kept) = match (generation, types) {
        (Generation::V8, Types::F16Only(_)) => ("0b1", "0b10000000001", "head"),
        (Generation::V8, _) => ("0b1", "0b0", ""),
        (Generation::V10, _) => ("0b10", "0b0", ""),
        (Generation::V11, _) => ("0b1", "0b0", ""),
    };
    let expected = format!(
        "\nnetwork flags {network_flags}\nbuilder flags {builder_flags}\nlayers at 32 bits: {kept}\n"
    );
    expect(
        notes.contains(&expected),
        format!("{notes:?} has not {expected:?}"),
    )
}

fn inference(
    tensorrt: &TensorRt,
    device: &Device,
    plan: &Plan,
    transfer: Transfer,
) -> Result<(), Stop> {
    let engine = Runtime::new(tensorrt)?.engine(plan)?;
    let found: Vec<_> = engine
        .tensors()
        .iter()
        .map(|tensor| (tensor.name.as_str(), &tensor.shape[..]))
        .collect();
    let expected: [(&str, &[usize]); 4] = [
        ("image", &[1, 3, 4, 4]),
        ("height", &[1, 1, 4, 4]),
        ("map", &[1, 1, 4, 4]),
        ("sum", &[1, 1, 2, 2]),
    ];
    expect(found == expected, format!("{found:?}"))?;

    let mut session = Session::new(engine, device, transfer)?;
    expect(
        matches!(session.input("map"), Err(Error::NoTensor { .. })),
        "an output is no input",
    )?;
    fill(&mut session, 1.0)?;
    session.launch()?.wait()?;
    compare(&session, 1.0)?;

    // On another thread, which has no current context yet.
    let moved = std::thread::spawn(move || -> Result<Session, Stop> {
        fill(&mut session, 2.0)?;
        session.launch()?.wait()?;
        Ok(session)
    });
    let mut session = moved
        .join()
        .unwrap_or_else(|_| Err(Stop::Noticed("a thread panicked".to_owned())))?;
    compare(&session, 2.0)?;

    // A run that nobody waits for, and one that is leaked.
    fill(&mut session, 3.0)?;
    drop(session.launch()?);
    compare(&session, 3.0)?;
    fill(&mut session, 4.0)?;
    std::mem::forget(session.launch()?);
    compare(&session, 4.0)?;

    session.record()?;
    for scale in [5.0, 6.0] {
        fill(&mut session, scale)?;
        session.launch()?.wait()?;
        compare(&session, scale)?;
    }
    std::mem::forget(session.launch()?);
    Ok(())
}

/// Numbers that tell their places.
fn fill(session: &mut Session, scale: f32) -> Result<(), Stop> {
    for (index, number) in session.input("image")?.iter_mut().enumerate() {
        *number = scale * index as f32;
    }
    session.input("height")?.fill(scale);
    Ok(())
}

/// `map` is the sum of the image's channels and the height; `sum` is twice all that fold onto a
/// place.
fn compare(session: &Session, scale: f32) -> Result<(), Stop> {
    let map: Vec<f32> = (0..16)
        .map(|place| scale * (3 * place + 48 + 1) as f32)
        .collect();
    let place_sum = |place: i32| (0..12).map(|row| place + 4 * row).sum::<i32>() + 4;
    let sum: Vec<f32> = (0..4)
        .map(|place| 2.0 * scale * place_sum(place) as f32)
        .collect();
    for (name, expected) in [("map", map), ("sum", sum)] {
        let found = session.output(name)?;
        if found != expected {
            return Err(Stop::Wrong(format!(
                "{name} at {scale}: {found:?} and not {expected:?}"
            )));
        }
    }
    Ok(())
}
