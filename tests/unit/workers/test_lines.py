"""Are files of events read line by line, and the bad lines told?"""

import pytest

from workers.commands.lines import nested, read_lines


@pytest.fixture
def read(tmp_path):
    def read(name, text):
        file = tmp_path / name
        file.write_bytes(text.encode())
        bad = []
        return [(line.number, line.value) for line in read_lines(file, bad.append)], bad

    return read


def test_ndjson(read):
    good, bad = read("a.ndjson", '{"a": 1}\n\n[1]\n{"b"\n{"c": 3}')
    assert good == [(1, {"a": 1}), (5, {"c": 3})]
    assert [(problem.number, problem.remedy) for problem in bad] == [
        (3, "Write one JSON object a line."),
        (4, "Write one JSON object a line."),
    ]


def test_csv_with_objects_in_its_head(read):
    good, bad = read("a.csv", '\ufeffevent,properties.order_id\r\n"Order, Completed",7\r\n1,2,3\r\n\r\nx,\r\n')
    assert good == [(2, {"event": "Order, Completed", "properties": {"order_id": "7"}}), (5, {"event": "x"})]
    assert [(problem.number, problem.message) for problem in bad] == [(3, "has 3 cells, the head has 2.")]


def test_an_empty_file_has_no_lines(read):
    assert read("a.csv", "") == ([], [])
    assert read("a.json", "") == ([], [])


def test_a_column_cannot_be_text_and_object():
    with pytest.raises(ValueError, match=r"needs an object"):
        nested({"a": "1", "a.b": "2"})
