"""WAHA's weather: what may befall any webhook, and what differs between its versions."""

from simulators import weather


class Weather(weather.Weather):
    """How deliveries fare from now on; by default well."""

    #: the field `engine` at the top of the envelope, which some versions leave out
    top_engine: bool = True
