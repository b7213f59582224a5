use serde_json::Value;
use twinspect_core::frame::FrameSize;
use twinspect_dataset::{Label, Mask, PartId};
use twinspect_nn::Rng;

use super::masks::any_pixel;
use super::pixels::{PixelFigures, Pixels};
use super::ranking::{auroc, roc};
use super::regions::Regions;
use super::scored::Unrankable;
use super::{Judged, Report, SIDE, ScoredPart, write_map};

/// A small picture: scores and mask, rows of `width` pixels.
struct Picture {
    width: usize,
    scores: Vec<f32>,
    mask: Vec<bool>,
}

fn picture<const P: usize>(width: usize, scores: [f32; P], mask: [u8; P]) -> Picture {
    Picture {
        width,
        scores: scores.to_vec(),
        mask: mask.iter().map(|&value| value != 0).collect(),
    }
}

fn figures<const L: usize>(pictures: &[Picture], limits: [f64; L]) -> PixelFigures<L> {
    let mut pixels = Pixels::default();
    for picture in pictures {
        pixels.add(&picture.scores, &Regions::of(&picture.mask, picture.width));
    }
    pixels.figures(limits)
}

fn assert_close(found: Option<f64>, expected: f64, what: &str) {
    let found = found.unwrap_or(f64::NAN);
    assert!(
        (found - expected).abs() < 1e-9,
        "{what}: found {found}, expected {expected}"
    );
}

#[test]
fn known_value_1_a_three_way_tie_of_scores() {
    assert_close(auroc(&[0.1, 0.4, 0.4], &[0.4, 0.9]), 5.0 / 6.0, "AUROC");
}

#[test]
fn known_value_2_a_diagonal_is_one_region_and_the_limit_is_interpolated() {
    let known = picture(
        4,
        [
            9., 6., 1., 5., 1., 8., 1., 1., 1., 1., 7., 1., 2., 2., 2., 2.,
        ],
        [1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
    );
    let found = figures(&[known], [1.0, 0.3, 0.05]);
    for (found, (limit, expected)) in
        found
            .au_pro
            .into_iter()
            .zip([(1.0, 23. / 24.), (0.3, 31. / 36.), (0.05, 0.5)])
    {
        assert_close(found, expected, &format!("AU-PRO up to {limit}"));
    }
}

#[test]
fn known_value_3_a_tie_across_classes_and_a_good_picture() {
    let defective = picture(2, [0.9, 0.5, 0.2, 0.5], [1, 0, 0, 1]);
    let good = picture(2, [0.5, 0.1, 0.1, 0.1], [0; 4]);
    let found = figures(&[defective, good], [1.0, 0.3, 0.05]);
    for (found, (limit, expected)) in
        found
            .au_pro
            .into_iter()
            .zip([(1.0, 11. / 12.), (0.3, 0.725), (0.05, 0.5375)])
    {
        assert_close(found, expected, &format!("AU-PRO up to {limit}"));
    }
}

#[test]
fn pixel_figures_of_a_picture_worked_by_hand() {
    // From the top: defect, free, defect and free at once, free.
    let found = figures(&[picture(5, [4., 3., 2., 2., 1.], [1, 0, 1, 0, 0])], [1.0]);
    // Pairs won: the first defect 3, the second 1 and a half tie.
    assert_close(found.auroc, 4.5 / 6.0, "pixel AUROC");
    assert_close(found.average_precision, (1.0 + 0.5) / 2.0, "AP");
}

#[test]
fn what_is_undefined_is_none_and_never_a_half() {
    assert_eq!(auroc(&[], &[1.0]), None);
    assert_eq!(auroc(&[1.0], &[]), None);
    let only_good = figures(&[picture(2, [1.0, 2.0], [0, 0])], [0.3]);
    assert_eq!(
        only_good,
        PixelFigures {
            auroc: None,
            average_precision: None,
            au_pro: [None],
            pro: None
        }
    );
    let only_defect = figures(&[picture(2, [1.0, 2.0], [1, 1])], [0.3]);
    assert_eq!((only_defect.auroc, only_defect.au_pro), (None, [None]));
    assert_eq!(only_defect.average_precision, Some(1.0));
}

#[test]
fn a_constant_map_earns_nothing_but_the_diagonal() {
    let found = figures(
        &[picture(4, [-0.0, 0.0, -0.0, 0.0], [1, 0, 0, 0])],
        [0.3, 0.05],
    );
    assert_close(found.auroc, 0.5, "pixel AUROC");
    assert_close(found.au_pro[0], 0.15, "AU-PRO up to 0.3");
    assert_close(found.au_pro[1], 0.025, "AU-PRO up to 0.05");
}

/// Scores from a few levels, so that ties abound, of both signs.
fn random_picture(rng: &mut Rng) -> Picture {
    let (width, height) = (1 + rng.below(9), 1 + rng.below(9));
    let scores = (0..width * height).map(|_| rng.below(12) as f32 / 4.0 - 1.5);
    let scores: Vec<f32> = scores.collect();
    let mask = (0..width * height).map(|_| rng.below(3) == 0).collect();
    Picture {
        width,
        scores,
        mask,
    }
}

#[test]
fn image_auroc_counts_pairs() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut draw =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.below(8) as f32 - 3.0).collect() };
        let (negatives, positives) = (draw(7), draw(5));
        let won: f64 = negatives
            .iter()
            .flat_map(|low| positives.iter().map(move |high| (low, high)))
            .map(|(low, high)| {
                f64::from(u8::from(high > low)) + 0.5 * f64::from(u8::from(high == low))
            })
            .sum();
        let what = format!("seed {seed}");
        assert_close(auroc(&negatives, &positives), won / 35.0, &what);
        assert_close(auroc(&positives, &negatives), 1.0 - won / 35.0, &what);
        let stretched = |scores: &[f32]| -> Vec<f32> { scores.iter().map(|s| s.exp()).collect() };
        assert_close(
            auroc(&stretched(&negatives), &stretched(&positives)),
            won / 35.0,
            &what,
        );
    }
}

/// AU-PRO as its definition reads: a point for every threshold, from counts over all pixels.
fn au_pro_by_definition(pictures: &[Picture], limit: f64) -> Option<f64> {
    let labelled: Vec<(&Picture, Regions)> = pictures
        .iter()
        .map(|picture| (picture, Regions::of(&picture.mask, picture.width)))
        .collect();
    let regions: usize = labelled
        .iter()
        .map(|(_, regions)| regions.sizes.len())
        .sum();
    let free = pictures
        .iter()
        .flat_map(|picture| &picture.mask)
        .filter(|&&defect| !defect)
        .count();
    if regions == 0 || free == 0 {
        return None;
    }
    let mut thresholds: Vec<f32> = pictures
        .iter()
        .flat_map(|picture| picture.scores.clone())
        .collect();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let mut points = vec![(0.0, 0.0)];
    for threshold in thresholds {
        let (mut false_positives, mut overlap) = (0, 0.0);
        for (picture, regions) in &labelled {
            let above = |pixel: usize| picture.scores[pixel] >= threshold;
            false_positives += (0..picture.mask.len())
                .filter(|&p| !picture.mask[p] && above(p))
                .count();
            for (index, &size) in regions.sizes.iter().enumerate() {
                let inside = |&pixel: &usize| regions.labels[pixel] as usize == index + 1;
                let covered = (0..picture.mask.len())
                    .filter(inside)
                    .filter(|&p| above(p))
                    .count();
                overlap += covered as f64 / f64::from(size);
            }
        }
        points.push((
            false_positives as f64 / free as f64,
            overlap / regions as f64,
        ));
    }
    let mut area = 0.0;
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let end = x1.min(limit);
        if end > x0 {
            let y_end = y0 + (y1 - y0) * (end - x0) / (x1 - x0);
            area += 0.5 * (end - x0) * (y0 + y_end);
        }
    }
    Some(area / limit)
}

#[test]
fn au_pro_follows_its_definition_and_no_order_of_pictures_matters() {
    let limits = [1.0, 0.3, 0.05];
    for seed in 0..150 {
        let mut rng = Rng::new(seed);
        let mut pictures: Vec<Picture> = (0..4).map(|_| random_picture(&mut rng)).collect();
        let found = figures(&pictures, limits);
        for (found, limit) in found.au_pro.into_iter().zip(limits) {
            match au_pro_by_definition(&pictures, limit) {
                Some(expected) => assert_close(found, expected, &format!("seed {seed}, {limit}")),
                None => assert_eq!(found, None, "seed {seed}"),
            }
        }
        pictures.reverse();
        let reversed = figures(&pictures, limits);
        assert_eq!(found.auroc, reversed.auroc, "seed {seed}");
        for (one, other) in found.au_pro.into_iter().zip(reversed.au_pro) {
            assert!((one.unwrap_or(2.0) - other.unwrap_or(2.0)).abs() < 1e-12);
        }
    }
}

/// Area under a polyline, over its width.
fn area(points: &[[f64; 2]]) -> f64 {
    let pieces = points.windows(2);
    let sum: f64 = pieces
        .map(|pair| 0.5 * (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]))
        .sum();
    sum / points.last().map_or(1.0, |last| last[0])
}

#[test]
fn known_value_1_has_this_curve() {
    let curve = roc(&[0.1, 0.4, 0.4], &[0.4, 0.9]).unwrap();
    assert_eq!(
        curve,
        [[0.0, 0.0], [0.0, 0.5], [2.0 / 3.0, 1.0], [1.0, 1.0]]
    );
    assert_close(Some(area(&curve)), 5.0 / 6.0, "area");
    assert_eq!(roc(&[], &[1.0]), None);
}

#[test]
fn known_value_3_has_this_curve() {
    let defective = picture(2, [0.9, 0.5, 0.2, 0.5], [1, 0, 0, 1]);
    let good = picture(2, [0.5, 0.1, 0.1, 0.1], [0; 4]);
    let curve = figures(&[defective, good], [0.05, 0.3]).pro.unwrap();
    assert_eq!(curve[..2], [[0.0, 0.0], [0.0, 0.5]]);
    assert_close(Some(curve[2][0]), 0.3, "end");
    assert_close(Some(area(&curve)), 0.725, "area");
}

#[test]
fn the_areas_under_the_drawn_curves_are_the_figures() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut scores = |count: usize, lift: f32| -> Vec<f32> {
            (0..count).map(|_| rng.uniform() as f32 + lift).collect()
        };
        let (negatives, positives) = (scores(40, 0.0), scores(30, 0.3));
        let curve = roc(&negatives, &positives).unwrap();
        assert_close(
            Some(area(&curve)),
            auroc(&negatives, &positives).unwrap(),
            &format!("seed {seed}"),
        );
        // Many pixels, all different: nearly every point is dropped.
        let side = 60;
        let mut mask = vec![false; side * side];
        for region in 0..6 {
            mask[region * 600..region * 600 + 20].fill(true);
        }
        let mut picture = Picture {
            width: side,
            scores: scores(side * side, 0.0),
            mask,
        };
        for (score, &defect) in picture.scores.iter_mut().zip(&picture.mask) {
            *score += if defect { 0.4 } else { 0.0 };
        }
        let found = figures(&[picture], [0.3, 0.05]);
        let curve = found.pro.unwrap();
        assert!(curve.len() < 1200, "{} points", curve.len());
        let (drawn, figure) = (area(&curve), found.au_pro[0].unwrap());
        assert!(
            (drawn - figure).abs() < 1e-3,
            "seed {seed}: {drawn}, {figure}"
        );
        assert_eq!(curve.last().map(|last| last[0]), Some(0.3));
    }
}

#[test]
fn regions_hang_together_by_corners_but_not_around_the_edge_of_the_picture() {
    let mask = |rows: [u8; 12]| rows.map(|value| value != 0);
    let corners = Regions::of(&mask([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]), 4);
    assert_eq!(corners.sizes, [3]);
    let edges = Regions::of(&mask([0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]), 4);
    assert_eq!(
        (edges.sizes, edges.labels[3], edges.labels[4]),
        (vec![1, 1], 1, 2)
    );
}

#[test]
fn a_mask_pixel_is_set_where_any_frame_pixel_is() {
    for (width, height) in [(640, 480), (300, 777), (256, 256), (100, 31)] {
        let mut rng = Rng::new(width as u64);
        let mut data = vec![0; width * height];
        for _ in 0..6 {
            data[rng.below(width * height)] = 1;
        }
        let set: Vec<(f64, f64)> = (0..data.len())
            .filter(|&pixel| data[pixel] == 1)
            .map(|pixel| ((pixel % width) as f64, (pixel / width) as f64))
            .collect();
        let overlaps = |start: f64, length: usize, index: usize| {
            let scale = length as f64 / SIDE as f64;
            start < (index + 1) as f64 * scale - 1e-9 && start + 1.0 > index as f64 * scale + 1e-9
        };
        let mask = Mask::new(FrameSize { width, height }, data).unwrap();
        let small = any_pixel(&mask);
        for (pixel, &found) in small.iter().enumerate() {
            let (x, y) = (pixel % SIDE, pixel / SIDE);
            let expected = set
                .iter()
                .any(|&(column, row)| overlaps(column, width, x) && overlaps(row, height, y));
            assert_eq!(found, expected, "{width}x{height}, column {x}, row {y}");
        }
    }
}

/// A part whose map is `score` at one pixel and 0 elsewhere; a defect's mask is that pixel.
fn part(kind: &str, score: f32) -> ScoredPart {
    let label = Label::from_folder(kind);
    let mut map = vec![0.0; SIDE * SIDE];
    map[1000] = score;
    let mut mask = vec![0; SIDE * SIDE];
    mask[1000] = 1;
    let size = FrameSize {
        width: SIDE,
        height: SIDE,
    };
    let mask = (!label.is_good()).then(|| Mask::new(size, mask).unwrap());
    ScoredPart {
        label,
        judged: Some(Judged::new(score, map).unwrap()),
        mask,
    }
}

fn line() -> Vec<ScoredPart> {
    vec![
        part("good", 0.2),
        part("good", 0.4),
        part("good", 1.2),
        part("good", 1.0),
        part("dent", 3.0),
        part("dent", 0.8),
        part("stain", 1.5),
    ]
}

#[test]
fn the_report_counts_what_a_threshold_lets_through_and_throws_away() {
    let report = Report::new("cap", &line(), 1.0, 7);
    assert_eq!((report.false_rejects, report.good_parts), (1, 4));
    assert_eq!((report.escapes, report.defective_parts), (1, 3));
    assert_eq!(report.false_reject_rate, Some(0.25));
    assert_close(report.escape_rate, 1.0 / 3.0, "escape rate");
    assert_close(report.i_auroc, 10.0 / 12.0, "image AUROC");
    let dent = &report.per_kind["dent"];
    assert_eq!((dent.parts, dent.escapes), (2, 1));
    assert_close(dent.i_auroc, 6.0 / 8.0, "AUROC of dents");
    let stain = &report.per_kind["stain"];
    assert_eq!((stain.escapes, stain.i_auroc), (0, Some(1.0)));
    // 0 of 1: the upper bound at 97.5 % one-sided is 0.975.
    assert!((stain.escape_interval.unwrap()[1] - 0.975).abs() < 1e-9);
}

#[test]
fn a_part_without_a_result_is_rejected_and_ranked_nowhere() {
    let mut parts = line();
    parts[1].judged = None;
    parts[5].judged = None;
    let report = Report::new("cap", &parts, 1.0, 7);
    assert_eq!(
        (report.false_rejects, report.escapes, report.no_results),
        (2, 0, 2)
    );
    assert_eq!(report.per_kind["dent"].i_auroc, Some(1.0));
}

#[test]
fn a_defect_that_nobody_painted_is_in_no_pixel_figure() {
    let mut parts = line();
    let with = Report::new("cap", &parts, 1.0, 7);
    parts[5].mask = None;
    let without = Report::new("cap", &parts, 1.0, 7);
    assert_eq!((with.unmasked_parts, without.unmasked_parts), (0, 1));
    assert_eq!(with.i_auroc, without.i_auroc);
    let size = parts[6].mask.as_ref().unwrap().size();
    parts[5].mask = Mask::new(size, vec![0; size.pixels()]).ok();
    let blank = Report::new("cap", &parts, 1.0, 7);
    assert_eq!(blank.unmasked_parts, 1);
    assert_eq!(blank.p_auroc, without.p_auroc);
    parts.remove(5);
    assert_eq!(without.p_auroc, Report::new("cap", &parts, 1.0, 7).p_auroc);
}

#[test]
fn the_bootstrap_repeats_by_its_seed_and_holds_the_estimate() {
    let one = Report::new("cap", &line(), 1.0, 7);
    assert_eq!(
        one.i_auroc_interval,
        Report::new("cap", &line(), 1.0, 7).i_auroc_interval
    );
    let [low, high] = one.i_auroc_interval.unwrap();
    assert!(
        low < 10.0 / 12.0 && 10.0 / 12.0 < high && high <= 1.0,
        "{low} {high}"
    );
    let good: Vec<ScoredPart> = line()
        .into_iter()
        .filter(|part| part.label.is_good())
        .collect();
    let report = Report::new("cap", &good, 1.0, 7);
    assert_eq!((report.i_auroc_interval, report.escape_rate), (None, None));
}

#[test]
fn the_json_has_the_keys_that_scripts_read_and_null_for_the_undefined() {
    let report = Report::new("cap", &line()[..4], 1.0, 7);
    let json = serde_json::to_value(report).unwrap();
    for key in [
        "category",
        "i_auroc",
        "p_auroc",
        "au_pro_30",
        "au_pro_05",
        "au_pro_01",
        "threshold",
        "false_reject_rate",
        "escape_rate",
        "per_kind",
    ] {
        assert!(json.get(key).is_some(), "{key} is missing");
    }
    assert_eq!(json["i_auroc"], Value::Null);
    assert_eq!(json["au_pro_30"], Value::Null);
    let kinds = serde_json::to_value(Report::new("cap", &line(), 1.0, 7)).unwrap();
    assert_eq!(kinds["per_kind"]["stain"]["i_auroc"], 1.0);
}

#[test]
fn what_cannot_be_ranked_is_refused() {
    let flat = vec![0.0; SIDE * SIDE];
    assert_eq!(Judged::new(f32::NAN, flat.clone()), Err(Unrankable::Score));
    assert_eq!(
        Judged::new(0.0, vec![0.0; 5]),
        Err(Unrankable::Size { found: 5 })
    );
    let mut holed = flat;
    holed[SIDE + 3] = f32::NEG_INFINITY;
    assert_eq!(Judged::new(0.0, holed), Err(Unrankable::Map { x: 3, y: 1 }));
}

#[test]
fn a_map_is_written_under_its_kind_and_number_as_float32() {
    let folder = tempfile::tempdir().unwrap();
    let scored = part("dent", 3.0);
    let judged = scored.judged.unwrap();
    let id = PartId::new("test/dent/007");
    let path = write_map(folder.path(), &scored.label, &id, &judged).unwrap();
    assert_eq!(path, folder.path().join("dent_007.npy"));
    let bytes = fs_err::read(&path).unwrap();
    let file = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(file.shape(), [SIDE as u64, SIDE as u64]);
    assert_eq!(file.into_vec::<f32>().unwrap(), judged.map());
    let missing = folder.path().join("absent");
    let error = write_map(&missing, &scored.label, &id, &judged).unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
}
