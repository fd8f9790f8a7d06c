"""Are files of events read line by line, and the bad lines told?"""

import pytest

from app.errors import BadInput
from workers.commands.lines import nested, read_lines


@pytest.fixture
def read(tmp_path):
    def read(name, text):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("day,channel\n2026-01-01,caf\xe9\n".encode("latin-1"), "a.csv cannot be read: it is not UTF-8. Save it"),
        ("day,channel\n".encode("utf-16"), "a.csv cannot be read: it is not UTF-8. Save it as CSV in UTF-8"),
        ('day,channel\n2026-01-01,"' + 140_000 * "x", "a.csv cannot be read: field larger than field limit"),
        ("day;channel;amount\n2026-01-01;email;1,5\n", "separated by ';'. Export it as CSV with commas"),
        ("day\tchannel\n2026-01-01\temail\n", "separated by '\\t'. Export it as CSV with commas"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_the_remedy(read, text, told):
    with pytest.raises(BadInput) as error:
        read("a.csv", text)
    assert told in str(error.value)


def test_a_column_cannot_be_text_and_object():
    with pytest.raises(ValueError, match=r"needs an object"):
        nested({"a": "1", "a.b": "2"})
