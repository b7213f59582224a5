//! The networks of the shipped bundles, checked and run by software that is not ours.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use twinspect_bundle::{Bundle, Golden, Stage};
use twinspect_core::modality::Modality;
use twinspect_core::prepare::PreparedPart;
use twinspect_core::score::{FusionViews, valid_shares};

use crate::binaries::succeed;
use crate::workspace::{files, root};
use crate::{fusion, product};

/// Writes a tensor and describes it for `check_onnx.py`.
fn tensor(folder: &Path, file: String, name: &str, shape: [usize; 4], data: &[f32]) -> Value {
    assert_eq!(data.len(), shape.iter().product::<usize>(), "{file}");
    let bytes: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join(&file), bytes).expect("a tensor is written");
    json!({ "name": name, "shape": shape, "file": file })
}

fn input(part: &PreparedPart, modality: Modality) -> &[f32] {
    match modality {
        Modality::Rgb => &part.rgb,
        Modality::Geometry => &part.geometry,
    }
}

/// Writes a bundle's networks, what its goldens put into them, and the maps that must come out.
fn cases(bundle: &Bundle, folder: &Path) -> Vec<Value> {
    let manifest = bundle.manifest();
    let product = &manifest.name;
    let mut cases = Vec::new();
    for golden in bundle.goldens().expect("readable goldens") {
        let part = product::prepare(manifest, &golden.frame);
        for (modality, maps) in golden.maps.present() {
            let stage: &Stage = manifest.stages.get(modality).expect("a stage for the maps");
            let network = format!("{product}-{}", stage.file);
            let bytes = bundle
                .stage_model(modality)
                .expect("a network for the stage");
            std::fs::write(folder.join(&network), bytes).expect("a network is written");
            let name = format!("{product}-{}-{modality}", golden.name);
            let taken = input(&part, modality);
            cases.push(json!({
                "name": name,
                "network": network,
                "inputs": [tensor(folder, format!("{name}.in"), &stage.input, stage.input_shape, taken)],
                "output": tensor(folder, format!("{name}.out"), &stage.output, stage.output_shape, &maps.data),
            }));
        }
        cases.extend(fusion_case(bundle, &golden, &part, folder));
    }
    cases
}

/// The same of the fusion network, where the golden holds its answer: the fused map.
fn fusion_case(
    bundle: &Bundle,
    golden: &Golden,
    part: &PreparedPart,
    folder: &Path,
) -> Option<Value> {
    let (manifest, answer) = (bundle.manifest(), golden.fusion.as_ref()?);
    let stage = manifest.stages.fusion.as_ref()?;
    let network = format!("{}-{}", manifest.name, stage.file);
    std::fs::write(folder.join(&network), bundle.fusion_model()?).expect("a network is written");
    let known = &manifest.score.modalities;
    let mut views = FusionViews::new(known, &manifest.prepare).expect("a sound manifest");
    let taken = views
        .of(&golden.maps, &part.region, &valid_shares(part))
        .expect("the golden has maps of both senses");
    let taken = [&taken.rgb.data, &taken.geometry.data, &taken.valid];
    let name = format!("{}-{}-fusion", manifest.name, golden.name);
    let inputs = stage.inputs.named().into_iter().zip(taken);
    let inputs: Vec<Value> = inputs
        .map(|((tensor_name, shape), data)| {
            let file = format!("{name}.{tensor_name}");
            tensor(folder, file, tensor_name, shape, data)
        })
        .collect();
    let [(fused, shape), _] = stage.outputs.named();
    Some(json!({
        "name": name,
        "network": network,
        "inputs": inputs,
        "output": tensor(folder, format!("{name}.out"), fused, shape, &answer.fused),
    }))
}

#[test]
fn onnxruntime_gives_the_goldens_of_every_bundle() {
    let Some(python) = std::env::var_os("TWINSPECT_PYTHON") else {
        println!("skipped: TWINSPECT_PYTHON names no Python with onnx, onnxruntime and numpy");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut all = cases(product::bundle(), folder.path());
    all.extend(cases(&fusion::bundle(), folder.path()));
    for path in files(&root().join("models"), "twb") {
        let bundle =
            Bundle::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        all.extend(cases(&bundle, folder.path()));
    }
    let list = folder.path().join("cases.json");
    std::fs::write(&list, Value::from(all).to_string()).expect("the list is written");
    let script = root().join("tests/python/check_onnx.py");
    println!("{}", succeed(Command::new(python).arg(script).arg(list)));
}
