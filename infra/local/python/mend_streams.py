"""What `mend.py` mends of Kinesis and of its event source mappings.

Written against MiniStack 1.5.33; a new version is looked at again.
"""

import json
import time

from ministack.core.responses import error_response_json, json_response
from ministack.services import kinesis, lambda_svc

# Lambda, "Lambda parameters for Amazon Kinesis Data Streams event source mappings": records a batch, where the mapping does not say.
DEFAULT_BATCH = 100


def mappings():
    """Lambda retries batches of streams, bisects them, gathers them in windows, hears of single failures and tells destinations. The
    emulator's poller does not; `infra/local/src/kinesis` does. Mappings stay in the emulator, with what it would leave out of them."""
    from ministack.services.cloudformation import provisioners

    create, provision = lambda_svc._create_esm, provisioners._lambda_esm_create

    def kept(esm, given):
        if ":kinesis:" in esm["EventSourceArn"]:
            for key in ("StartingPositionTimestamp", "TumblingWindowInSeconds"):
                if given.get(key) is not None:
                    esm[key] = given[key]
            if given.get("BatchSize") is None:
                esm["BatchSize"] = DEFAULT_BATCH
        return esm

    def created(data):
        status, headers, body = create(data)
        if status >= 300:
            return status, headers, body
        esm = kept(lambda_svc._esms[json.loads(body)["UUID"]], data)
        return json_response(lambda_svc._esm_response(esm), status)

    def provisioned(logical_id, props, stack_name):
        esm_id, attributes = provision(logical_id, props, stack_name)
        kept(lambda_svc._esms[esm_id], props)
        return esm_id, attributes

    lambda_svc._poll_kinesis = lambda: False
    lambda_svc._create_esm = created
    provisioners._lambda_esm_create = provisioned
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]["create"] = provisioned


def is_closed(shard):
    return bool(shard.get("ending_sequence_number"))


def parents(shard):
    return [shard.get("parent_shard_id"), shard.get("adjacent_parent_shard_id")]


def closed_shards():
    """A shard that is split or merged takes no more records and is read to its end, then its children (Kinesis, "Resharding a
    stream"). The emulator deletes it with its records."""
    split, merge, shard_out, get_records = kinesis._split_shard, kinesis._merge_shards, kinesis._shard_out, kinesis._get_records

    def keeping(reshard, keys):
        def resharded(data):
            _, stream = kinesis._resolve_stream(data)
            before = dict(stream["shards"]) if stream else {}
            for key in keys:
                if is_closed(before.get(data.get(key)) or {}):
                    return error_response_json("ResourceInUseException", f"Shard {data[key]} is closed", 400)
            answer = reshard(data)
            for shard_id, shard in before.items():
                if shard_id not in stream["shards"]:
                    shard["ending_sequence_number"] = kinesis._next_sequence_number()
                    stream["shards"][shard_id] = shard
            return answer

        return resharded

    def route(hash_key, stream):
        for shard_id, shard in stream["shards"].items():
            if not is_closed(shard) and int(shard["starting_hash_key"]) <= hash_key <= int(shard["ending_hash_key"]):
                return shard_id
        raise LookupError(f"no open shard of {stream['StreamName']} has the hash key {hash_key}")

    def described(shard_id, shard):
        out = shard_out(shard_id, shard)
        if is_closed(shard):
            out["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
        return out

    def read(data):
        state = kinesis._shard_iterators.get(data.get("ShardIterator"))
        status, headers, body = get_records(data)
        stream = kinesis._streams.get(state["stream"]) if state else None
        shard = stream["shards"].get(state["shard_id"]) if stream else None
        if status != 200 or not shard or not is_closed(shard):
            return status, headers, body
        answer = json.loads(body)
        if kinesis._shard_iterators[answer["NextShardIterator"]]["position"] >= len(shard["records"]):
            del kinesis._shard_iterators[answer.pop("NextShardIterator")]
            children = [(child_id, child) for child_id, child in stream["shards"].items() if state["shard_id"] in parents(child)]
            answer["ChildShards"] = [child_out(child_id, child) for child_id, child in children]
        return json_response(answer)

    kinesis._split_shard = keeping(split, ("ShardToSplit",))
    kinesis._merge_shards = keeping(merge, ("ShardToMerge", "AdjacentShardToMerge"))
    kinesis._route_to_shard = route
    kinesis._shard_out = described
    kinesis._get_records = read


def child_out(shard_id, shard):
    return {
        "ShardId": shard_id,
        "ParentShards": [parent for parent in parents(shard) if parent],
        "HashKeyRange": {"StartingHashKey": shard["starting_hash_key"], "EndingHashKey": shard["ending_hash_key"]},
    }


def shard_counts():
    """UpdateShardCount splits and merges; the emulator deletes all shards and their records."""

    def update(data):
        name, stream = kinesis._resolve_stream(data)
        if not stream:
            return error_response_json("ResourceNotFoundException", f"Stream {name} not found", 400)
        of = {"StreamName": stream["StreamName"]}
        shards = [(int(shard["starting_hash_key"]), shard_id) for shard_id, shard in stream["shards"].items() if not is_closed(shard)]
        shards = [shard_id for _, shard_id in sorted(shards)]
        target = int(data.get("TargetShardCount") or 0)
        if target == 2 * len(shards):
            for shard_id in shards:
                shard = stream["shards"][shard_id]
                middle = (int(shard["starting_hash_key"]) + int(shard["ending_hash_key"]) + 1) // 2
                kinesis._split_shard({**of, "ShardToSplit": shard_id, "NewStartingHashKey": str(middle)})
        elif len(shards) == 2 * target:
            for one, two in zip(shards[::2], shards[1::2]):
                kinesis._merge_shards({**of, "ShardToMerge": one, "AdjacentShardToMerge": two})
        elif target != len(shards):
            message = f"the local cloud doubles or halves {len(shards)} shards; for other numbers split and merge them"
            return error_response_json("InvalidArgumentException", message, 400)
        return json_response({**of, "CurrentShardCount": len(shards), "TargetShardCount": target, "StreamARN": stream["StreamARN"]})

    kinesis._update_shard_count = update


def expiry():
    """Each call looks at every record of the stream for those that are too old. They stand in the order in which they came: where the oldest
    is young enough, all are."""
    expire = kinesis._expire_records

    def expired(stream):
        cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
        oldest = (shard["records"][0] for shard in stream["shards"].values() if shard["records"])
        if any(record["ApproximateArrivalTimestamp"] < cutoff for record in oldest):
            expire(stream)

    kinesis._expire_records = expired


def mend():
    mappings()
    expiry()
    closed_shards()
    shard_counts()
