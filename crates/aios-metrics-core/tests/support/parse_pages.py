"""Parses pages with prometheus_client and says what it found.

Reads a list of [format, page] as JSON from standard input, where format is "text" or "openmetrics".
Writes a list with, for each page, an error or a list of [name, help, type, samples], each sample
being [name, labels, number, exemplar] and each exemplar null or [labels, number, time]; numbers are
texts, so that none is rounded on the way.
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

PARSERS = {
    "text": parser.text_string_to_metric_families,
    "openmetrics": openmetrics_parser.text_string_to_metric_families,
}


def exemplar(sample):
    found = sample.exemplar
    if found is None:
        return None
    # Its type for times has no plain text.
    time = None if found.timestamp is None else repr(float(found.timestamp))
    return [found.labels, repr(found.value), time]


def sample(s):
    return [s.name, s.labels, repr(s.value), exemplar(s)]


def families(format, page):
    return [
        [f.name, f.documentation, f.type, [sample(s) for s in f.samples]] for f in PARSERS[format](page)
    ]


def result(format, page):
    try:
        return families(format, page)
    except Exception as error:
        return repr(error)


json.dump([result(format, page) for format, page in json.load(sys.stdin)], sys.stdout)
