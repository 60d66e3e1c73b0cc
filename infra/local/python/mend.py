"""Where the pinned emulator falls short of AWS, and Watershed would notice. Each mend names what AWS documents.

Written against MiniStack 1.5.33; a new version is looked at again.
"""

import mend_athena
import mend_streams
from ministack.services import lambda_svc, s3, sqs
from ministack.services.cloudformation import provisioners

# Lambda, "Configuring scaling behavior for SQS event source mappings": messages a batch of a standard queue.
MAX_BATCH = 10_000


def number_parameters():
    """CloudFormation hands a Number parameter to the resource as a number; the emulator leaves it a string, on which its
    poller fails for every queue."""
    concurrency = lambda_svc._sqs_esm_concurrency

    def coerced(esm, *rest):
        scaling = esm.get("ScalingConfig") or {}
        if isinstance(scaling.get("MaximumConcurrency"), str):
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return concurrency(esm, *rest)

    lambda_svc._sqs_esm_concurrency = coerced


def large_batches():
    """Lambda takes up to BatchSize messages of a backlog; the emulator stops at 10."""

    def receive(queue_url, max_number):
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            return sqs._collect_msgs(queue, min(int(max_number or 1), MAX_BATCH), visibility)

    sqs._receive_messages_for_esm = receive


def lifecycle_rule(rule):
    """A rule of AWS::S3::Bucket as the emulator keeps rules. What the template does not use is refused, so that it is not left out."""
    known = {"Id": "ID", "Status": "Status"}
    made = {"Filter": {"Prefix": rule.get("Prefix", "")}}
    for name, value in rule.items():
        if name in known:
            made[known[name]] = value
        elif name == "Transitions":
            made[name] = [{"Days": int(step["TransitionInDays"]), "StorageClass": step["StorageClass"]} for step in value]
        elif name == "ExpirationInDays":
            made["Expiration"] = {"Days": int(value)}
        elif name == "NoncurrentVersionExpiration":
            made[name] = {"NoncurrentDays": int(value["NoncurrentDays"])}
        elif name == "AbortIncompleteMultipartUpload":
            made[name] = {"DaysAfterInitiation": int(value["DaysAfterInitiation"])}
        elif name != "Prefix":
            raise ValueError(f"LifecycleConfiguration: the local cloud does not know {name} of a rule")
    return made


def bucket_lifecycles():
    """CloudFormation writes a bucket's LifecycleConfiguration when it is new or has changed; the emulator leaves it out. Its S3 keeps
    the rules, and carries none of them out."""
    apply = provisioners._s3_apply_configurations

    def applied(name, props, old_props=None):
        apply(name, props, old_props)
        wanted, former = (of.get("LifecycleConfiguration") for of in (props, old_props or {}))
        if wanted == former:
            return
        if wanted:
            s3._bucket_lifecycle[name] = [lifecycle_rule(rule) for rule in wanted["Rules"]]
        else:
            s3._bucket_lifecycle.pop(name, None)

    provisioners._s3_apply_configurations = applied


def mend():
    bucket_lifecycles()
    number_parameters()
    large_batches()
    mend_athena.mend()
    mend_streams.mend()
