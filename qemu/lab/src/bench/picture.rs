// SPDX-License-Identifier: GPL-2.0
//! The picture: cost against the size of a message, for each transport.

use anyhow::{anyhow, Result};
use plotters::prelude::*;

use super::figures::Figures;
use super::table::TRANSPORTS;

/// The transports' names and colours.
fn look(transport: &str) -> (&'static str, RGBColor) {
    match transport {
        "qsock" => ("AF_QSOCK", RGBColor(200, 30, 30)),
        "unix" => ("AF_UNIX", RGBColor(30, 90, 200)),
        "pipe" => ("pipe", RGBColor(30, 140, 60)),
        "vsock" => ("AF_VSOCK", RGBColor(150, 80, 180)),
        "tcp" => ("TCP", RGBColor(230, 140, 20)),
        _ => (
            "limit: 2 empty system calls, 2 copies",
            RGBColor(120, 120, 120),
        ),
    }
}

/// The points of a transport: size and cost.
fn points(figures: &Figures, transport: &str) -> Vec<(f64, f64)> {
    let rows = figures.rows.iter().filter(|row| row.transport == transport);
    let points = rows.filter_map(|row| {
        let size = row.id.strip_prefix("stream/")?.parse().ok()?;
        Some((size, figures.of(&row.id, transport)?))
    });
    points.collect()
}

fn bytes(size: &f64) -> String {
    match *size as u64 {
        size if size >= 1 << 20 => format!("{} MiB", size >> 20),
        size if size >= 1024 => format!("{} KiB", size >> 10),
        size => format!("{size} B"),
    }
}

/// The picture as SVG; None when there is nothing to draw a line through.
pub fn draw(figures: &Figures, title: &str) -> Result<Option<String>> {
    let lines: Vec<_> = TRANSPORTS
        .iter()
        .map(|transport| (*transport, points(figures, transport)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    let all: Vec<(f64, f64)> = lines
        .iter()
        .flat_map(|(_, points)| points.clone())
        .collect();
    let least = |of: fn(&(f64, f64)) -> f64| all.iter().map(of).reduce(f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| all.iter().map(of).reduce(f64::max);
    let (Some(x0), Some(x1), Some(y0), Some(y1)) =
        (least(|p| p.0), most(|p| p.0), least(|p| p.1), most(|p| p.1))
    else {
        return Ok(None);
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (860, 560)).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 17))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(
                (x0..x1 * 1.05).log_scale().base(2.0),
                (y0 * 0.8..y1 * 1.3).log_scale(),
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc("bytes of a message on a stream")
            .y_desc("instructions to send and receive it")
            .x_label_formatter(&bytes)
            .y_label_formatter(&|cost| format!("{cost:.0}"))
            .light_line_style(WHITE)
            .draw()
            .map_err(failed)?;
        for (transport, points) in &lines {
            let (name, colour) = look(transport);
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))
                .map_err(failed)?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
            let dots = points.iter().map(|p| Circle::new(*p, 3, colour.filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()
            .map_err(failed)?;
        area.present().map_err(failed)?;
    }
    Ok(Some(svg))
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw the picture: {error}")
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::super::figures::Instrument;
    use super::*;

    #[test]
    fn each_transport_with_points_has_a_line() {
        let lines =
            "stream 64 qsock 10\nstream 1024 qsock 20\nstream 64 unix 30\nstream 1024 unix 40\n\
                     stream 64 pipe 5\n";
        let svg = draw(&figures(lines, Instrument::Icount), "title")
            .unwrap()
            .unwrap();
        assert!(svg.matches("<polyline").count() >= 2);
        assert!(svg.contains("AF_QSOCK") && svg.contains("AF_UNIX") && svg.contains("1 KiB"));
        assert!(!svg.contains(">\npipe\n") && svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn one_size_is_no_picture() {
        let one = figures("stream 64 qsock 10\n", Instrument::Icount);
        assert!(draw(&one, "title").unwrap().is_none());
    }
}
