//! Products without depth, on a ground of one colour.

use super::*;

fn on_ground() -> PrepareSpec {
    PrepareSpec {
        geometry: None,
        ground: Some(GroundSpec {
            colour: [180.0; 3],
            contrast: 40.0,
            part_share_min: 0.02,
        }),
        ..spec()
    }
}

/// A bar of one level on a ground of another, over the middle third of the columns and rows.
fn bar(ground: u8, bar: u8) -> FramePair {
    let inside = |at: usize, length: usize| (length / 3..2 * length / 3).contains(&at);
    let data = (0..FRAME.pixels())
        .flat_map(|i| {
            let (x, y) = (i % FRAME.width, i / FRAME.width);
            [if inside(x, FRAME.width) && inside(y, FRAME.height) {
                bar
            } else {
                ground
            }; 3]
        })
        .collect();
    pair(Some(RgbFrame::new(FRAME, data).unwrap()), None)
}

#[test]
fn without_depth_evidence_counts_where_colour_differs_from_the_ground() {
    let part = prepare_with(&on_ground(), bar(180, 70)).unwrap();
    let side = part.map_size();
    assert_eq!(part.region[side * side / 2 + side / 2], 1.0);
    assert_eq!((part.region[0], part.foreground[0]), (0.0, 0.0));
    assert!(
        (0.09..0.13).contains(&part.part_share),
        "{}",
        part.part_share
    );
    // A margin holds the place that a missing piece is missing from.
    let region_share = part.region.iter().sum::<f32>() / (side * side) as f32;
    assert!(region_share > 1.2 * part.part_share, "{region_share}");
}

#[test]
fn the_ground_follows_the_light_within_bounds() {
    let region = |frame| prepare_with(&on_ground(), frame).unwrap().region;
    let usual = region(bar(180, 70));
    assert_eq!(region(bar(215, 105)), usual, "more light");
    let elsewhere = region(bar(225, 225));
    assert!(
        elsewhere.iter().all(|&inside| inside == 1.0),
        "45 levels from the taught ground"
    );
}

#[test]
fn an_empty_ground_holds_no_part_and_a_speck_is_none() {
    let empty = prepare_with(&on_ground(), bar(180, 182)).unwrap();
    assert_eq!(empty.part_share, 0.0);
    assert!(empty.region.iter().all(|&inside| inside == 0.0));
    assert!(on_ground().part_share_min() > 0.0);
    assert_eq!(
        PrepareSpec {
            ground: None,
            ..on_ground()
        }
        .part_share_min(),
        0.0
    );

    let mut data = match bar(180, 70).rgb() {
        Some(rgb) => rgb.data().to_vec(),
        None => Vec::new(),
    };
    // Three pixels of the frame, less than one of S x S.
    data[3 * (12 * FRAME.width + 12)..][..9].fill(90);
    let frame = pair(Some(RgbFrame::new(FRAME, data).unwrap()), None);
    let speck = prepare_with(&on_ground(), frame).unwrap();
    assert_eq!(
        speck.region,
        prepare_with(&on_ground(), bar(180, 70)).unwrap().region
    );
}

#[test]
fn a_dark_picture_has_no_ground_to_go_by() {
    let dark = prepare_with(&on_ground(), bar(3, 2)).unwrap();
    assert_eq!((dark.rgb_state, dark.part_share), (RgbState::Black, 1.0));
}

#[test]
fn a_ground_that_contradicts_itself_or_the_product_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut GroundSpec)| {
        let mut spec = on_ground();
        spec.ground.iter_mut().for_each(change);
        Preparer::new(&spec).unwrap_err().to_string()
    };
    assert!(refused(&|ground| ground.contrast = 0.0).contains("ground.contrast"));
    assert!(refused(&|ground| ground.colour[1] = f32::NAN).contains("ground.colour"));
    assert!(refused(&|ground| ground.part_share_min = 1.5).contains("ground.part_share_min"));
    let with_depth = PrepareSpec {
        ground: on_ground().ground,
        ..spec()
    };
    let error = Preparer::new(&with_depth).unwrap_err().to_string();
    assert!(error.starts_with("ground is"), "{error}");
}
