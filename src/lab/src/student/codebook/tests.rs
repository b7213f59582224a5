use std::sync::atomic::AtomicBool;

use twinspect_core::prepare::BANK_CHANNELS;
use twinspect_nn::Rng;
use twinspect_onnx as onnx;
use twinspect_onnx::Graph;

use super::emit::BLOCK;
use super::*;

/// Two heaps of descriptors, in turns: around zero with deviation 1, around ten with deviation 0.1.
fn heaps(count: usize) -> Descriptors {
    let mut rng = Rng::new(3);
    let mut all = Descriptors::new(BANK_CHANNELS);
    for i in 0..count {
        let (centre, sd) = if i % 2 == 0 { (0.0, 1.0) } else { (10.0, 0.1) };
        all.push((0..BANK_CHANNELS).map(|_| centre + sd * rng.normal() as f32));
    }
    all
}

fn clustered(descriptors: &Descriptors) -> Codebook {
    Codebook::cluster(descriptors, &mut Rng::new(1), &AtomicBool::new(false)).unwrap()
}

fn covered(descriptors: &Descriptors) -> Codebook {
    Codebook::cover(descriptors, 64, &mut Rng::new(1), &AtomicBool::new(false)).unwrap()
}

#[test]
fn what_was_seen_is_near_in_units_of_how_much_it_varies() {
    let book = clustered(&heaps(4000));
    let map = |value: f32| book.map(&[value; BANK_CHANNELS])[0];
    assert!(
        map(0.0) < 3.0 && map(10.0) < 3.0,
        "{} {}",
        map(0.0),
        map(10.0)
    );
    assert!(
        map(5.0) > 4.0 && map(11.0) > map(1.0),
        "{} {} {}",
        map(5.0),
        map(11.0),
        map(1.0)
    );
}

#[test]
fn a_book_is_the_same_again_and_survives_as_values() {
    let book = clustered(&heaps(4000));
    assert_eq!(book, clustered(&heaps(4000)));
    assert_eq!(
        Codebook::from_values(BANK_CHANNELS, book.prototypes(), book.radii()),
        Some(book.clone())
    );
    assert_eq!(
        Codebook::from_values(BANK_CHANNELS, &book.prototypes()[1..], book.radii()),
        None
    );
}

#[test]
fn a_book_is_not_waited_for_after_an_interruption() {
    let (heaps, interrupted) = (heaps(40), AtomicBool::new(true));
    let rng = || Rng::new(1);
    assert_eq!(Codebook::cluster(&heaps, &mut rng(), &interrupted), None);
    assert_eq!(Codebook::cover(&heaps, 8, &mut rng(), &interrupted), None);
}

#[test]
fn the_exported_map_is_the_same() {
    // A full book, and books that don't fill a block or the last one.
    for count in [4000, 3, BLOCK + 1, 7 * BLOCK] {
        check_exported_map(&clustered(&heaps(count)));
    }
}

fn check_exported_map(book: &Codebook) {
    let side = 16;
    let mut rng = Rng::new(8);
    let channels: Vec<f32> = (0..BANK_CHANNELS * side * side)
        .map(|i| rng.normal() as f32 + (i % 11) as f32)
        .collect();
    let mut graph = Graph::new("codebook", onnx::WeightFormat::F16);
    let input = graph.input("x", &[1, BANK_CHANNELS, side, side]).unwrap();
    let map = book.emit(&mut graph, input).unwrap();
    graph.output("map", map).unwrap();
    let onnx = graph.encode().unwrap();
    let shape = [1, BANK_CHANNELS, side, side];
    let mut model = twinspect_engine::tract::Model::from_bytes(&onnx, &shape).unwrap();
    let found = model.run(&channels).unwrap().remove(0);
    for (index, (a, b)) in book.map(&channels).iter().zip(&found).enumerate() {
        assert!(
            (a - b).abs() < 2e-3 * a.max(1.0),
            "{} prototypes, {index}: expected {a}, found {b}",
            book.radii.len()
        );
    }
}

#[test]
fn chosen_places_leave_no_good_place_far_away() {
    let heaps = heaps(4000);
    let book = covered(&heaps);
    assert_eq!(book, covered(&heaps));
    let chosen = book.prototypes.places();
    assert!(
        chosen
            .clone()
            .all(|p| heaps.places().any(|place| place == p))
    );
    // The wide heap needs nearly all of them, and the narrow one is not forgotten.
    let narrow = chosen.filter(|p| p[0] > 5.0).count();
    assert!((1..8).contains(&narrow), "{narrow}");
    let furthest = |book: &Codebook| {
        let nearest = |place: &[f32]| {
            let distances = book.prototypes.places().map(|p| squared(place, p));
            distances.fold(f32::INFINITY, f32::min)
        };
        heaps.places().map(nearest).fold(0.0, f32::max)
    };
    let means = Codebook::from_values(
        BANK_CHANNELS,
        &clustered(&heaps).prototypes()[..64 * BANK_CHANNELS],
        &[1.0; 64],
    );
    assert!(furthest(&book) < furthest(&means.unwrap()));
}

#[test]
fn fewer_places_than_prototypes_are_all_chosen_once() {
    let book = covered(&heaps(7));
    assert_eq!(book.radii(), [0.0; 7]);
    assert!(book.map(&[0.0; BANK_CHANNELS])[0].is_finite());
}
