"""Language models, asked so that each reply is paid for once, within the limits and under the cost cap.

What others need is in `chat` (request, reply, the one-method seam), `embeddings`, `prices` and `tokens`; the rest is
the stack that `wiring` puts together: Cached -> Repairing -> Retrying -> Paced -> Budgeted -> OpenAIProvider.
"""
