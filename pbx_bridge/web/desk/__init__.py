"""The agent's desk: the card of whoever rings, the call in hand, what is to be told of it when it ends.

model    what a desk shows, as values
hands    which calls ring or talk at an extension; pure
past     who talked with a caller before, so that a card tells who passed them on; pure
facts    what is known of those calls: read once for all desks that show one
hub      a desk for each agent who looks, painted once for all their tabs
pieces   a desk as pieces of HTML
screen   what was painted, in versions: each tab reads from the one it has reached
blocks   what other parts of the house put on the desk
page     `/desk` and its stream; `acts`: what is sent from there
"""
