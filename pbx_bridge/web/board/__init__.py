"""The live board: who is on the line now, how the queues stand, what the agents do.

feed    what is heard live: AMI's tables, the flow runs of our callers
model   from what was heard and what is on record, what the board shows; pure
hub     one board for all who look: rendered once a change for each look, and sent to each at their own pace
page    `/board` and its stream
"""
