"""Prints the functions' logs: logs.py ENDPOINT PREFIX SECONDS FOLLOW

PREFIX narrows the log groups, SECONDS is how far back, FOLLOW is 1 to go on until interrupted.
"""

import datetime
import json
import sys
import time

import boto3

POLL_SECONDS = 0.5
QUIET = ("START ", "END ", "REPORT ", "INIT_START ")
LEADING = ("level", "message", "service", "function", "request_id", "trace", "_aws")


def readable(group, event):
    at = datetime.datetime.fromtimestamp(event["timestamp"] / 1000).strftime("%H:%M:%S.%f")[:-3]
    message = event["message"].rstrip("\n")
    name = group.rsplit("-", 1)[-1]
    try:
        line = json.loads(message)
    except ValueError:
        return f"{at} {name:<8} {message}"
    if not isinstance(line, dict):
        return f"{at} {name:<8} {message}"
    fields = " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in line.items() if key not in LEADING)
    return f"{at} {name:<8} {line.get('level', ''):<5} {line.get('message', '')}  {fields}"


def new_events(logs, prefix, since_ms, seen):
    found = []
    for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/").get("logGroups", []):
        name = group["logGroupName"]
        if prefix and not name.endswith(prefix):
            continue
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=since_ms):
            for event in page.get("events", []):
                key = (name, event.get("eventId") or (event["timestamp"], event["message"]))
                if key not in seen:
                    seen.add(key)
                    found.append((event["timestamp"], name, event))
    return sorted(found, key=lambda item: item[0])


def main():
    endpoint, prefix, seconds, follow = sys.argv[1:5]
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    logs = boto3.client("logs", endpoint_url=endpoint, **credentials)
    since_ms = int((time.time() - float(seconds)) * 1000)
    seen = set()
    try:
        while True:
            for _, group, event in new_events(logs, prefix, since_ms, seen):
                if not event["message"].startswith(QUIET):
                    print(readable(group, event), flush=True)
            if follow != "1":
                break
            time.sleep(POLL_SECONDS)
    except (KeyboardInterrupt, BrokenPipeError):
        pass


if __name__ == "__main__":
    main()
